#ifndef POLICY_ARGUMENT_H
#define POLICY_ARGUMENT_H

/*
 * The arguments of one call, as rules look at them. Nothing is allocated: what has to be
 * decoded lies in the caller's struct arg_room.
 *
 * What is not known for certain (arguments that are no JSON, a value of another kind, a path
 * that depends on the caller's folder) answers CMD_UNSURE to every matcher.
 */

#include <stdbool.h>

#include "policy/ruleset.h"
#include "policy/shell.h"

enum {
	ARG_NAMES_MAX = 64,      /* different argument names in the rules of a file */
	ARG_ROOM_MAX = 64 * 1024 /* decoded values of one call; more is not known */
};

enum arg_kind { ARG_ABSENT, ARG_UNKNOWN, ARG_TEXT, ARG_LIST };

struct arg_value {
	enum arg_kind kind;
	struct str text;            /* ARG_TEXT */
	struct str raw;             /* ARG_LIST: the JSON array, of strings */
	uint64_t head, bytes, hash; /* of text: arg_head(), arg_bytes(), hash_more() */
	bool is_tidy;               /* of text: arg_is_tidy() */
	/* The text as a path, when a matcher has asked for it. */
	bool is_path_read, is_pattern, is_absolute_known, is_relative_known, is_outside;
	/* normalised; relative to the root, "": the root */
	struct str absolute, relative;
	uint64_t path_head, path_mask; /* of relative; no mask: nothing is known of it */
};

/* What all files of a policy share of one call. Not initialised but by arg_room_begin(). */
struct arg_room {
	const char *command_key; /* the one argument that is read as a shell command */
	bool has_line;
	uint64_t bits; /* cmd_bits(&line) */
	size_t used;
	struct sh_line line;
	char text[ARG_ROOM_MAX];
};

/* The arguments, for the rules of one file. */
struct arg_call {
	const struct pol_use *use;
	const char *root; /* of the project, NULL: not known */
	struct arg_room *room;
	const char *const *key; /* the names of values */
	size_t nkeys;
	unsigned
		command; /* number of the argument that is room->line, or ARG_NAMES_MAX */
	uint64_t bits;   /* of the line, all when there is none */
	struct arg_value value[ARG_NAMES_MAX];
};

void arg_room_begin(struct arg_room *room);
void arg_begin(struct arg_call *c, const struct pol_use *u, const char *root,
	struct arg_room *room);
void arg_read(struct arg_call *c, const char *const *key, size_t nkeys);
/* Reads the argument of that number, if there, as the shell command, unless another one is. */
void arg_split(struct arg_call *c, unsigned key);

/*
 * One matcher on the value of that number, for the line's command of that number.
 */
enum cmd_match arg_match(
	struct arg_call *c, const struct pol_matcher *m, unsigned key, size_t command);

/* --- for argument.c, argument_path.c, index.c -------------------------------------- */

/* A copy of a text that has to stay; p NULL: no room. */
struct str arg_keep(struct arg_room *room, struct str text);
/* Reads the value as a path; is_path_read tells whether that was done. */
void arg_read_path(struct arg_call *c, struct arg_value *v);
enum cmd_match arg_match_under(
	struct arg_call *c, const struct pol_matcher *m, struct arg_value *v);

/* A relative path as short as it can be written, of which no other spelling is looked for. */
bool arg_is_tidy(struct str path);
/* A literal or glob on a path: it may be another spelling of one that the matcher names. */
enum cmd_match arg_match_path(
	const struct arg_call *c, const struct pol_matcher *m, struct str text);

/* The first bytes of a text, zeros behind it: two texts with different heads differ. */
uint64_t arg_head(struct str text);
/* The bits of a head that the first n bytes of a text fill. */
uint64_t arg_mask(size_t n);
/* Which bytes are in it, as a set of classes; all of them for a long text. */
uint64_t arg_bytes(struct str text);

/* "./src/" and "src/../src" are "src"; false: it leads above where it begins. */
bool arg_normal_path(struct str path, char *out, size_t max, struct str *got);

/* True for the arguments that are shell commands: of the tool that server and tool name. */
bool arg_is_shell(const char *server, const char *tool, const char *key);
/* True for the names that tools give to arguments that are paths. */
bool arg_is_path(const char *key);

#endif
