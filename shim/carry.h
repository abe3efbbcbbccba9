#ifndef SHIM_CARRY_H
#define SHIM_CARRY_H

/*
 * What a person and a project have for claude in files of their own: commands, skills, agents,
 * output styles, and the person's rules, themes and keys. Read here, never written; what of
 * it goes into the private folder, and how, claude_home.c decides.
 *
 * The person's may be links to anywhere, as dotfile managers make them. The project's are
 * followed only inside the project: they come from whoever wrote it. Of two with one name the
 * one that claude would take is read: the person's command or skill, the project's agent or
 * style, and of the project's the one nearest to the working directory (measured on 2.1.329).
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/words.h"

enum carry_kind {
	CARRY_COMMAND, /* commands/ and what is below it, *.md */
	CARRY_SKILL,   /* skills/<name>/SKILL.md */
	CARRY_AGENT,   /* agents/ and below, *.md */
	CARRY_STYLE,   /* output-styles/ and below, *.md */
	CARRY_THEME,   /* the person's themes/, *.json */
	CARRY_KEYS,    /* the person's keybindings.json */
	CARRY_KINDS
};

enum {
	CARRY_FILES_MAX = 512,      /* of all kinds */
	CARRY_FILE_MAX = 256 << 10, /* of one */
	CARRY_TEXT_MAX = 8 << 20,   /* of all */
	CARRY_ENTRIES_MAX = 8192,   /* names looked at, in all folders */
	CARRY_DEPTH_MAX = 8,        /* folders below commands/ */
	CARRY_RULES_MAX = 64,
	CARRY_LEVELS_MAX = 32 /* folders from the root to the working directory */
};

struct carry_item {
	enum carry_kind kind;
	bool project;
	bool has_more; /* of a skill: its folder holds more than SKILL.md */
	char *name;    /* below the folder of its kind: "git/commit.md" */
	char *dir;     /* where it lies; the project's: relative to the root */
	char *text;
};

struct carry {
	struct carry_item *item;
	size_t n, cap, bytes, entries;
	struct words rules;         /* paths of the person's rules/, *.md */
	struct words project_rules; /* of the project's, relative to the root */
	size_t left_out;            /* files and folders that are not as above */
	char *first_left;           /* one of them, NULL */
};

void carry_fini(struct carry *c); /* for CLEANUP too */

/* cwd is root or below it. What cannot be read is counted, never an error. */
void carry_read(struct carry *c, const char *own_dir, const char *root, const char *cwd);

/* Counts something of the person's that does not come along. */
void carry_leave_out(struct carry *c, const char *path);

/* The names of a kind's folder: "commands". */
const char *carry_folder(enum carry_kind kind);

#endif
