#ifndef POLICY_INDEX_H
#define POLICY_INDEX_H

/*
 * The rules of one file, so ordered that a call looks at few of them.
 *
 * Rules that name server and tool without wildcards are grouped by that pair and found by a
 * hash; of the others the first bytes of both names are compared before the patterns are.
 * A client may respell names (glob.h), so hash and first bytes are taken from folded names:
 * letters, digits and underscores stay, every other byte is an underscore. Folding makes more
 * names equal, never fewer; the real comparison comes after it.
 *
 * Each rule has a probe on one of its arguments: what it excludes need not be looked at.
 */

#include "policy/argument.h"
#include "policy/ruleset.h"

enum {
	INDEX_PAIRS_MAX = 8, /* pairs that one respelt name can mean; more: scan all */
	INDEX_SHORT_MAX = 256
};

enum probe_kind {
	PROBE_FREE,  /* the rule has no arguments */
	PROBE_NONE,  /* it has, and has to be matched */
	PROBE_EQUAL, /* a literal: want is arg_value.hash */
	PROBE_GLOB, /* a pattern: want and mask of arg_value.head, bytes of arg_value.bytes */
	PROBE_PREFIX, /* want are bits of the command line */
	PROBE_UNDER   /* a folder of the project: want and mask of arg_value.path_head */
};

struct probe {
	uint64_t want, mask;
	uint8_t kind; /* enum probe_kind */
	bool is_path; /* of an untidy path it says nothing */
	uint8_t key;
};

/* A rule with a wildcard in server or tool: the first bytes of both, and all of them. */
struct wild {
	uint64_t want, mask, bytes;
};

/* The rules of one pair, ascending. */
struct pair {
	const char *server, *tool;
	uint32_t *rule;
	size_t n, cap;
	struct pair *next; /* in its bucket */
};

struct pol_index {
	const char *key[ARG_NAMES_MAX]; /* argument names, borrowed from the rules */
	size_t nkeys;
	bool is_command
		[ARG_NAMES_MAX]; /* by number: a rule reads it as a shell command */
	struct probe *probe;     /* one a rule */
	uint64_t *bytes;         /* one a rule, for PROBE_GLOB */
	struct wild *wild;
	uint32_t *wild_rule; /* its number, for each of them */
	size_t nwild;
	struct pair **bucket;
	size_t nbuckets; /* a power of two */
};

/* Goes through the rules that name this server and tool, in the file's order. */
struct index_walk {
	const struct pol_index *x;
	const struct pol_file *file;
	const struct pol_use *use;
	const struct pair *pair[INDEX_PAIRS_MAX];
	size_t at[INDEX_PAIRS_MAX];
	size_t npairs;
	size_t wild;          /* next of x->wild */
	uint64_t head, bytes; /* of both names, for struct wild */
	bool all;             /* too many pairs: every rule is looked at */
	size_t next;
};

void index_walk_begin(
	struct index_walk *w, const struct pol_file *f, const struct pol_use *u);
/* The next rule's number, -1 at the end. */
int64_t index_walk_next(struct index_walk *w);

/* The rules that these arguments do not exclude, in the file's order. */
struct shortlist {
	uint32_t rule[INDEX_SHORT_MAX];
	size_t n;
	bool over; /* there are more: walk */
};
void index_shorten(struct shortlist *s, const struct pol_file *f, struct arg_call *c);

/* Does the rule name this server and tool? A native tool's server is its agent's name. */
bool index_names(const struct pol_rule *r, const struct pol_use *u);

#endif
