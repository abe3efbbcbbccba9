#ifndef POLICY_SHELL_H
#define POLICY_SHELL_H

/*
 * A shell command line as the simple commands that it may run, each as its words: the word
 * split of POSIX.1-2017 XCU 2.2, 2.3, 2.10, with what bash adds wherever that could start a
 * command.
 *
 * Pure, linear in the text, no allocation: all text lies in the caller's struct sh_line.
 *
 * Every command that the line may start is in the list, in whatever it is nested: lists,
 * pipelines, groups, subshells, compound commands, function bodies, command and process
 * substitutions, here-documents with substitutions, and the texts that the line gives to
 * shells (`sh -c`, eval, trap, ssh). What the split cannot know for certain is marked, never
 * guessed: a word that an expansion makes, and a line that is not understood (`opaque`: any
 * command could be in it).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum {
	SH_TEXT_MAX = 32768, /* of one line, in bytes; a longer one is opaque */
	SH_WORDS_MAX = 2048,
	SH_COMMANDS_MAX = 256,
	SH_INPUTS_MAX = 16,
	SH_RUNS = 32768,  /* a power of two */
	SH_DEPTH_MAX = 24 /* of nested constructs */
};

/* How many fields an expansion makes of a word. */
enum sh_fields {
	SH_ONE, /* exactly one */
	SH_SAME, /* any number, all with the same known head and tail: a pathname pattern */
	SH_ANY, /* any number of anything */
	SH_FIELDS
};

struct prog; /* programs.h */

struct sh_word {
	struct str text; /* without quotes; where an expansion stands, nothing */
	bool known;      /* text is the whole word, and the word is one field */
	bool quoted;     /* some part of it was quoted: no keyword, no assignment name */
	bool process;    /* a process substitution is in it: a file that commands write */
	enum sh_fields fields;
	uint16_t head, tail; /* known bytes before the first, behind the last expansion */
	/* For reach.c: the word as a program, once it was looked at as one. */
	struct str name;
	const struct prog *prog;
	struct str bare; /* text as one more shell may read it; p NULL: the same */
};

/* One simple command; its words and assignments lie in the line's arrays. */
struct sh_command {
	uint16_t first, n;        /* words, the program first; n may be 0 */
	uint16_t assign, nassign; /* NAME=value before the program, as whole words */
	bool piped;       /* its standard input is a pipe, a here-document or a file */
	struct str input; /* the text of its here-document or here-string, p NULL: none */
	bool input_known; /* input is that text exactly; else expansions are left out of it */
	bool fed;         /* piped, or its input may come from elsewhere on the line */
	struct str bare; /* of the input, as of a word */
};

/* A here-document or here-string that is no simple command's own input: of a group, say. */
struct sh_input {
	struct str text, bare;
};

/* An opaque line has at least one command, which may be empty. */
struct sh_line {
	bool opaque;     /* not understood, or too much: the list is not complete */
	const char *why; /* what made it opaque, for explain; NULL */
	bool renames;    /* PATH is set: a name may be another program than usual */
	bool evaluates;  /* the shell may expand the value of a variable once more ... */
	bool has_code;   /* ... and a quoted text has a substitution in it */
	bool writes;     /* a redirection writes a file, or may */
	bool simple;     /* one command, all words known, no redirection, nothing else */
	size_t ncommands, nwords, nassigns, ninputs, ntext;
	struct sh_input input[SH_INPUTS_MAX];
	struct sh_command command[SH_COMMANDS_MAX];
	struct sh_word word[SH_WORDS_MAX], assigned[SH_COMMANDS_MAX];
	char text[SH_TEXT_MAX], bare[SH_TEXT_MAX];
	uint64_t run[SH_RUNS / 64]; /* see sh_may_have() */
};

void sh_split(struct sh_line *line, struct str text);

/* Of the last run of letters, digits and _ in a text; 0: there is none. */
uint32_t sh_last_run(struct str text);
/* False: no text of the line, which is not opaque, has this run as a whole. */
bool sh_may_have(const struct sh_line *l, uint32_t run);

#endif
