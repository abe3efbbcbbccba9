#ifndef POLICY_READER_H
#define POLICY_READER_H

/*
 * What the files that read a policy share: where they are in it, and values of each kind with
 * one way to say that one is wrong. For schema*.c only.
 */

#include "policy/keys.h"
#include "policy/toml.h"

enum {
	POL_RULES_MAX = 4096,
	POL_PRICES_MAX = 256,
	POL_EXAMPLES_MAX = 64,     /* of match, and of not_match, of one rule */
	POL_EXAMPLES_TOTAL = 1024, /* of a file: each is decided when it is read */
	POL_ARGS_MAX = 8,
	POL_ID_MAX = 64,
	POL_MESSAGE_MAX = 512,
	POL_LABEL_MAX = 320,
	POL_TEXT_MAX = 4096 /* of an argument: literal, pattern, example */
};

struct reader {
	struct pol_file *f;
	bool locked;
	struct err *e;
	struct pol_rule *rule;       /* being read */
	struct pol_matcher *arg;     /* being read */
	struct pol_item *item;       /* being read */
	struct pol_price_row *price; /* being read */
	size_t examples;             /* so far, of the file */
	char label[POL_LABEL_MAX];
};

#define WRONG(r, n, ...) pol_wrong((r)->f, (n)->line, (n)->column, (r)->e, __VA_ARGS__)

/* The name of a key for an error; with the argument's name where it has one. */
const char *pol_read_label(struct reader *r, enum pol_key_id id);
/* Each key of a table by the function for it; section as in the names of keys. */
int pol_read_table(struct reader *r, const struct toml_node *n, const char *section);
/* The value is not of its key's type, or not one of its words: says what it must be. */
int pol_read_kind(struct reader *r, const struct toml_node *n, enum pol_key_id id);
/* A text of 1 to max bytes on one line; NULL: the error is set. Yours. */
char *pol_read_text(
	struct reader *r, const struct toml_node *n, enum pol_key_id id, size_t max);
/* An array of at most max; how many. */
int pol_read_count(struct reader *r, const struct toml_node *n, enum pol_key_id id,
	size_t max, size_t *count);
int pol_read_word(struct reader *r, const struct toml_node *n, enum pol_key_id id,
	const struct pol_word *words, int *value);
/* An array of texts, NULL-terminated; *to is the caller's to free on failure too. */
int pol_read_texts(struct reader *r, const struct toml_node *n, enum pol_key_id id,
	size_t max, char ***to);
void pol_texts_free(char **texts); /* takes NULL */

/* One line of UTF-8 that a terminal shows as it stands. */
bool pol_is_printable(struct str s);
/*
 * A path without "." components and extra slashes; "." is the root. NULL: it cannot be taken,
 * and *why says what is wrong and what to do.
 */
char *pol_path_tidy(const char *path, const char **why);

/* schema_price.c: the array of all [[price]] tables, and the keys of one. */
int pol_read_prices(struct reader *r, const struct toml_node *n);
int pol_read_price_key(struct reader *r, const struct toml_node *n, enum pol_key_id id);
/* A number with or without a fraction, as millionths: 0, or least to most. */
int pol_read_usd(struct reader *r, const struct toml_node *n, enum pol_key_id id,
	int64_t least, int64_t most, int64_t *to);

/* schema_rule.c: the array of all [[rule]] tables. */
int pol_read_rules(struct reader *r, const struct toml_node *n);
/* The readers of the keys of a rule and of its matchers; NULL: not its key. */
int pol_read_rule_key(struct reader *r, const struct toml_node *n, enum pol_key_id id);
void pol_rule_fini(struct pol_rule *rule);

/* schema_example.c: match and not_match. */
int pol_read_examples(struct reader *r, const struct toml_node *n, enum pol_key_id id,
	struct pol_examples *to);
void pol_examples_fini(struct pol_examples *x);

/* schema_check.c: a rule, once it is read, for itself. */
int pol_check_rule(struct reader *r, const struct toml_node *n);

#endif
