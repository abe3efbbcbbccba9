#ifndef SHIM_CHOSEN_H
#define SHIM_CHOSEN_H

/* The file of choices of claude_choice.h: ~/.pando-data/claude-chosen.json, 0600. */

#include "base/err.h"

/* *text is yours, NULL: there is none. */
int chosen_read(char **text, struct err *e);

/* At the end of the run's session: what was chosen in it joins the file. */
int chosen_save(const char *run, struct err *e);

#endif
