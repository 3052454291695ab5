const form = this, steps = [...form.querySelectorAll('[name=step]')], play = form.querySelector('.course-way-play');
const stop = () => { clearInterval(form.timer); form.timer = 0; play.textContent = 'Play' };
const playing = form.timer, pressed = event.target;
if (pressed === play || pressed.name === 'step' || pressed.matches('.course-way-all')) stop();
if (pressed.matches('.course-way-all')) steps.at(-1).checked = true;
if (pressed !== play || playing) return;
if (steps.at(-1).checked) steps[0].checked = true;
play.textContent = 'Pause';
form.timer = setInterval(() => {
  const next = steps[steps.findIndex(step => step.checked) + 1];
  if (next && form.isConnected) next.checked = true;
  if (next === steps.at(-1) || !next || !form.isConnected) stop();
}, 1600);
