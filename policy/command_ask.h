#ifndef POLICY_COMMAND_ASK_H
#define POLICY_COMMAND_ASK_H

/* The inside of cmd_match(), for command.c (words) and command_text.c (texts) only. */

#include "policy/command.h"
#include "policy/reach.h"

struct ask {
	const struct cmd_prefix *p;
	struct reach r;
};

/* A token with a star or question mark. */
bool ask_is_pattern(struct str token);
/* Token i is there and is this word. */
bool ask_is_token(const struct cmd_prefix *p, size_t i, struct str word);
bool ask_text_has(const struct cmd_prefix *p, struct str text);

/* sed, awk, make: -f FILE, and FILE is an input of the line, or may be. */
bool ask_reads_script(const struct reach *r, size_t i);

/* May the program at this place run the prefix, by what it does with its words and input? */
bool ask_runs(const struct ask *a, const struct reach_at *at);

#endif
