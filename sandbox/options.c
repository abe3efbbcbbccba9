#include "sandbox/options.h"

#include <stdbool.h>

#include "base/str.h"

enum { DECIMAL = 10, FIRST_FREE_FD = 3 };

static const char *const usage =
	"usage: pando-sandbox --project-root P [--keep-fd N]... [--policy FILE] -- PROGRAM "
	"[ARG]..., or pando-sandbox --project-root P [--policy FILE] --check";

static const struct {
	const char *flag;
	enum opt_mode mode;
} modes[] = {
	{ "--check", OPT_CHECK },
	{ "--probe", OPT_PROBE },
	{ "--inside", OPT_INSIDE },
	{ "--tidy", OPT_TIDY },
};

static int
add_keep(struct options *o, const char *text, struct err *e)
{
	int fd = 0;

	for (const char *c = text; *c != '\0'; c++) {
		if (*c < '0' || *c > '9' || fd > OPT_FD_MAX)
			return err_set(e, ERR_USAGE, "--keep-fd %s: not a number", text);
		fd = fd * DECIMAL + (*c - '0');
	}
	if (fd < FIRST_FREE_FD || fd > OPT_FD_MAX)
		return err_set(e, ERR_USAGE, "--keep-fd %s: want a number from %d to %d",
			text, FIRST_FREE_FD, OPT_FD_MAX);
	if (o->nkeep == OPT_KEEP_MAX)
		return err_set(e, ERR_USAGE, "--keep-fd: at most %d", OPT_KEEP_MAX);
	o->keep[o->nkeep++] = fd;
	return 0;
}

static bool
set_mode(struct options *o, const char *word)
{
	for (size_t i = 0; i < LEN(modes); i++) {
		if (strcmp(word, modes[i].flag) != 0)
			continue;
		if (o->mode != OPT_RUN)
			return false;
		o->mode = modes[i].mode;
		return true;
	}
	return false;
}

/* Answers how many words it took, -1 on error. */
static int
take(struct options *o, char *const *word, struct err *e)
{
	const bool valued = word[1] != NULL;

	if (valued && strcmp(word[0], "--project-root") == 0 && o->root == NULL) {
		o->root = word[1];
		return 2;
	}
	if (valued && strcmp(word[0], "--policy") == 0 && o->policy == NULL) {
		o->policy = word[1];
		return 2;
	}
	if (valued && strcmp(word[0], "--keep-fd") == 0)
		return add_keep(o, word[1], e) < 0 ? -1 : 2;
	if (set_mode(o, word[0]))
		return 1;
	return err_set(e, ERR_USAGE,
		"'%s': not known, or without its value, or twice; %s", word[0], usage);
}

static int
check(const struct options *o, struct err *e)
{
	bool good = false;

	switch (o->mode) {
	case OPT_RUN:
		good = o->root != NULL && o->program[0] != NULL;
		if (good && o->program[0][0] != '/')
			return err_set(e, ERR_USAGE,
				"'%s': the program must be an absolute path",
				o->program[0]);
		break;
	case OPT_CHECK:
	case OPT_PROBE:
		good = o->root != NULL && o->program[0] == NULL && o->nkeep == 0;
		break;
	case OPT_INSIDE:
		good = o->root == NULL && o->policy == NULL;
		break;
	case OPT_TIDY:
		good = o->root == NULL && o->policy == NULL && o->nkeep == 0 &&
		       o->program[0] == NULL;
		break;
	case OPT_MODES:
		break;
	}
	return good ? 0 : err_set(e, ERR_USAGE, "%s", usage);
}

int
opt_parse(struct options *o, char *const *argv, struct err *e)
{
	char *const *word = argv[0] == NULL ? argv : argv + 1;

	*o = (struct options){ .mode = OPT_RUN };
	while (*word != NULL && strcmp(*word, "--") != 0) {
		const int n = take(o, word, e);

		if (n < 0)
			return -1;
		word += n;
	}
	o->program = *word == NULL ? word : word + 1;
	return check(o, e);
}
