#ifndef POLICY_SHELL_PARSE_H
#define POLICY_SHELL_PARSE_H

/*
 * The inside of sh_split(), for shell.c (lists), shell_simple.c (simple commands),
 * shell_word.c (words), shell_here.c (here-documents) and shell_script.c (texts for shells).
 *
 * A parse reads one source text. Whatever is not understood goes to sh_opaque(), after which
 * sh_peek() only ever answers SH_END: every loop ends there, and nobody asks for errors.
 *
 * Words of commands that are not complete yet lie at the upper end of the line's arrays, the
 * innermost command lowest; so a command's words end up together although the commands of
 * its substitutions are complete before it.
 */

#include "policy/shell.h"

enum { SH_END = -1, SH_HERES_MAX = 16, SH_NO_COMMAND = UINT16_MAX };

/* A here-document whose body has not come yet. */
struct sh_here {
	struct str delimiter;
	bool quoted, tabs; /* tabs: <<- */
	bool is_input;     /* it is standard input */
	uint16_t command;
};

/* What all parses of a line share. */
struct sh_out {
	struct sh_line *l;
	size_t wtop, atop; /* the first used word and assignment of the upper ends */
	unsigned depth;
	int last; /* the byte put last */
	bool fed; /* commands may read what the line feeds to what they are in */
};

struct sh_parse {
	struct sh_out *o;
	const char *p, *end;
	unsigned quiet; /* text is looked through, not kept */
	bool outside;   /* not within a substitution */
	size_t nhere, here_base;
	struct sh_here here[SH_HERES_MAX];
};

void sh_parse_init(struct sh_parse *ps, struct sh_out *o, struct str source);
void sh_opaque(struct sh_line *l, const char *why);
/* One level deeper; false: too deep, the line is opaque. Undo with o->depth--. */
bool sh_deeper(struct sh_out *o);

/* The next byte, behind any backslash-newline. */
int sh_peek(struct sh_parse *ps);
/* The byte that a peek has seen, or any byte where no line continues. */
int sh_take(struct sh_parse *ps);
void sh_put(struct sh_parse *ps, int c);
bool sh_is_meta(int c); /* ends a word */
bool sh_is_name(int c);
bool sh_is_blank(int c);

void sh_skip_blanks(struct sh_parse *ps);
void sh_skip_comment(struct sh_parse *ps);
void sh_skip_space(struct sh_parse *ps); /* newlines, with the bodies behind them, too */
void sh_skip_word(
	struct sh_parse *ps); /* its commands are listed, its text is not kept */
bool sh_is_reserved(struct str word);
void sh_expect(struct sh_parse *ps, bool good); /* else the line is opaque */

bool sh_is_at_word(struct sh_parse *ps);
/* A word; there must be one. */
void sh_read_word(struct sh_parse *ps, struct sh_word *w);
/* Behind "((" up to and with "))". */
void sh_arithmetic(struct sh_parse *ps, bool semicolons);

/* Behind "<<": the delimiter. Bodies are read at the next newline. */
void sh_read_here(struct sh_parse *ps, bool is_input);
void sh_read_bodies(struct sh_parse *ps);
/* An expansion in a body. */
void sh_expand(struct sh_parse *ps, bool *known);

void sh_read_simple(struct sh_parse *ps, bool piped);
/* Of a compound command, the first of whose commands is this one of the line. */
void sh_read_redirections(struct sh_parse *ps, size_t first);
/* A text that some commands of the line may read. */
void sh_add_input(struct sh_line *l, struct str input);
/* Behind the parentheses of its name. */
void sh_read_function(struct sh_parse *ps, bool piped);

/* Commands up to and with the closing parenthesis; or to the end of the source. */
void sh_commands_in_parens(struct sh_parse *ps, bool piped);
void sh_commands_to_end(struct sh_parse *ps);

/* A variable of this name, or what the text begins with, is set without an assignment. */
void sh_note_set(struct sh_line *l, struct str name);

/* Adds the commands of the texts that the commands of the line give to shells. */
void sh_scripts(struct sh_out *o);

/*
 * The texts once more without quotes, backslashes and expansions of nothing: what a shell
 * makes of them that code in another language starts.
 */
void sh_make_bare(struct sh_line *l);

#endif
