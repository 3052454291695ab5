<?php
// The configuration of a site whose settings come from WORDPRESS_* variables: each is read anew at each request.

// Returns a variable's value; VARIABLE_FILE names a file that holds it.
function setting(string $variable, string $default): string
{
    if ($file = getenv($variable . '_FILE')) {
        return rtrim(file_get_contents($file), "\r\n");
    }
    $value = getenv($variable);
    return $value === false ? $default : $value;
}

define('DB_NAME', setting('WORDPRESS_DB_NAME', 'wordpress'));
define('DB_USER', setting('WORDPRESS_DB_USER', 'example username'));
define('DB_PASSWORD', setting('WORDPRESS_DB_PASSWORD', 'example password'));
define('DB_HOST', setting('WORDPRESS_DB_HOST', 'mysql'));
define('DB_CHARSET', setting('WORDPRESS_DB_CHARSET', 'utf8mb4'));
define('DB_COLLATE', setting('WORDPRESS_DB_COLLATE', ''));

// What cookies are signed with. The entrypoint puts a random text in the place of the second one.
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $name) {
    foreach (['KEY', 'SALT'] as $kind) {
        define("{$name}_$kind", setting("WORDPRESS_{$name}_$kind", hash('sha256', "$name $kind " . '@SECRET@')));
    }
}

$table_prefix = setting('WORDPRESS_TABLE_PREFIX', 'wp_');
define('WP_DEBUG', (bool) setting('WORDPRESS_DEBUG', ''));
eval(setting('WORDPRESS_CONFIG_EXTRA', ''));

defined('ABSPATH') || define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
