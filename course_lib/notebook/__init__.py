"""Provide what the cells of a notebook call.

`chapter` begins and ends a notebook and prints its network, `pictures` draws it, `current` holds the lab that cells
work on, `magics` are `%%host`, `%%client` and `%%answer`. `journeys` is `journey()`, `reaching` is `reach()` and
`panel` the live picture, all shown by `frame`, a widget whose parts can be chosen (`frame.js`, `frame.css`); it
keeps how wide the page was, and draws the next picture for that width.
`prediction` asks a question that a later cell decides (`prediction.js`, `prediction.css`), `progress` shows what was
done, `quizzing` asks a chapter's questions again, `practice` is what an exercise uses, `engine_matrix` and `compare`
are for the appendix on engines. `saved` keeps widgets when a notebook is saved.
"""
