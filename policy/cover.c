#include "policy/vet.h"

#include "policy/glob.h"

bool
pol_glob_covers(const char *wide, const char *narrow, size_t *left)
{
	if (strcmp(wide, narrow) == 0 || strcmp(wide, "*") == 0)
		return true;
	if (strpbrk(wide, "*?") == NULL || strlen(wide) > COVER_MAX ||
		strlen(narrow) > COVER_MAX)
		return false;
	return glob_covers(str_of(wide), str_of(narrow), left);
}

/* A prefix covers a longer one; words may be patterns. */
static bool
prefix_covers(
	const struct cmd_prefix *wide, const struct cmd_prefix *narrow, size_t *left)
{
	if (wide->n > narrow->n)
		return false;
	for (size_t i = 0; i < wide->n; i++)
		if (!pol_glob_covers(wide->token[i], narrow->token[i], left))
			return false;
	return true;
}

static bool
path_covers(const char *wide, const char *narrow)
{
	const size_t n = strlen(wide);

	if (strcmp(wide, ".") == 0)
		return narrow[0] != '/';
	if (strncmp(narrow, wide, n) != 0)
		return false;
	return narrow[n] == '\0' || narrow[n] == '/' || wide[n - 1] == '/';
}

static bool
matcher_covers(
	const struct pol_matcher *wide, const struct pol_matcher *narrow, size_t *left)
{
	if (strcmp(wide->key, narrow->key) != 0)
		return false;
	switch (wide->kind) {
	case POL_LITERAL:
		return narrow->kind == POL_LITERAL &&
		       strcmp(wide->text, narrow->text) == 0;
	case POL_GLOB:
		if (narrow->kind == POL_LITERAL)
			return glob_match(str_of(wide->text), str_of(narrow->text));
		return narrow->kind == POL_GLOB &&
		       pol_glob_covers(wide->text, narrow->text, left);
	case POL_PREFIX:
		return narrow->kind == POL_PREFIX &&
		       prefix_covers(&wide->prefix, &narrow->prefix, left);
	case POL_UNDER:
		return narrow->kind == POL_UNDER && path_covers(wide->text, narrow->text);
	case POL_MATCHERS:
		break;
	}
	return false;
}

static bool
args_cover(const struct pol_rule *wide, const struct pol_rule *narrow, size_t *left)
{
	for (size_t i = 0; i < wide->nargs; i++) {
		size_t k = 0;

		while (k < narrow->nargs &&
			!matcher_covers(&wide->arg[i], &narrow->arg[k], left))
			k++;
		if (k == narrow->nargs)
			return false;
	}
	return true;
}

static bool
caller_covers(const char *wide, const char *narrow, size_t *left)
{
	return wide == NULL || (narrow != NULL && pol_glob_covers(wide, narrow, left));
}

/*
 * What may match still counts: a deny rule holds for it, a rule that loosens does not. So a
 * rule with conditions hides a stricter one behind it only where both are certain, which
 * nobody knows here; and a pattern over a command line is certain for some lines only.
 */
static bool
hides(const struct pol_rule *first, const struct pol_rule *then)
{
	if (first->nargs == 0 && first->subagent == NULL)
		return true;
	if (then->verdict > first->verdict)
		return false;
	for (size_t i = 0; first->verdict == POL_ALLOW && i < first->nargs; i++)
		if (first->arg[i].kind == POL_GLOB && first->arg[i].is_command)
			return false;
	return true;
}

bool
pol_rule_covers(const struct pol_rule *first, const struct pol_rule *then, size_t *left)
{
	return (first->agents & then->agents) == then->agents &&
	       pol_glob_covers(first->server, then->server, left) &&
	       pol_glob_covers(first->tool, then->tool, left) &&
	       caller_covers(first->subagent, then->subagent, left) &&
	       args_cover(first, then, left);
}

bool
pol_rule_hides(const struct pol_rule *first, const struct pol_rule *then, size_t *left)
{
	return hides(first, then) && pol_rule_covers(first, then, left);
}
