#ifndef POLICY_COMMAND_ASK_H
#define POLICY_COMMAND_ASK_H

/* The inside of cmd_match(), for command.c (words) and command_text.c (texts) only. */

#include "policy/command.h"
#include "policy/reach.h"

struct ask {
	const struct cmd_prefix *p;
	const struct sh_line *l;
	struct reach r;
};

/* A token with a star or question mark. */
bool ask_is_pattern(struct str token);
/* Token i is there and is this word. */
bool ask_is_token(const struct cmd_prefix *p, size_t i, struct str word);
bool ask_text_has(const struct cmd_prefix *p, struct str text);
/* False: no text of the line has the tokens. */
bool ask_may_have(const struct cmd_prefix *p, const struct sh_line *l);
/* The same of a word as it is, or as one more shell reads it. */
bool ask_word_has(const struct cmd_prefix *p, const struct sh_word *w);

/* sed, awk, make: -f FILE, and FILE is an input of the line, or may be. */
bool ask_reads_script(const struct reach *r, size_t i);

/* May the program at this place run the prefix, by what it does with its words and input? */
bool ask_runs(const struct ask *a, const struct reach_at *at);

#endif
