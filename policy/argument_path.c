#include "policy/argument.h"

#include <ctype.h>
#include <strings.h>

#include "policy/glob.h"

enum { PATH_BYTES_MAX = 4096 };

bool
arg_normal_path(struct str path, char *out, size_t max, struct str *got)
{
	const bool absolute = path.n > 0 && path.p[0] == '/';
	size_t n = 0;

	for (size_t i = 0; i < path.n;) {
		struct str part = { path.p + i, 0 };

		while (i < path.n && path.p[i] != '/') {
			part.n++;
			i++;
		}
		i++; /* the slash */
		if (part.n == 0 || str_is(part, "."))
			continue;
		if (str_is(part, "..")) {
			if (n == 0 && !absolute)
				return false;
			while (n > 0 && out[--n] != '/')
				;
			continue;
		}
		if (part.n + 1 > max - n)
			return false;
		if (n > 0 || absolute)
			out[n++] = '/';
		memcpy(out + n, part.p, part.n);
		n += part.n;
	}
	*got = (struct str){ out, n };
	return true;
}

/* "a/b" is within "a" and within ""; "ab" is not. */
static bool
is_within(struct str path, struct str dir)
{
	return dir.n == 0 ||
	       (str_starts(path, dir) && (path.n == dir.n || path.p[dir.n] == '/'));
}

static bool
is_wildcard(struct str path, size_t i)
{
	const char c = path.p[i];

	if (c == '(')
		return i > 0 && path.p[i - 1] != '\0' &&
		       strchr("@+!", path.p[i - 1]) != NULL;
	return c != '\0' && strchr("*?[{\\", c) != NULL;
}

static bool
has(struct str text, const char *part)
{
	return text.n > 0 && memmem(text.p, text.n, part, strlen(part)) != NULL;
}

/* Not a byte that could end a part of a path, if only in a pattern. */
static bool
is_inner(char c, bool has_groups)
{
	return isalnum((unsigned char)c) || strchr("._-", c) != NULL ||
	       (!has_groups && strchr("()", c) != NULL);
}

static bool
has_dot_dot(struct str s, bool has_groups)
{
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == '.' && s.p[i + 1] == '.' &&
			(i == 0 || !is_inner(s.p[i - 1], has_groups)) &&
			(i + 2 == s.n || !is_inner(s.p[i + 2], has_groups)))
			return true;
	return false;
}

/*
 * Whether a pattern, or its text taken as a path, may have ".." as a part: "{a,.}./x" has, and
 * "[...slug]" has not.
 */
static bool
may_climb(struct str pattern)
{
	static const char *const groups[] = { "@(", "+(", "!(", "?(", "*(" };
	static const char *const dots[] = { ".,", ".}", ".\\" };
	bool has_groups = false;

	for (size_t i = 0; i < LEN(groups); i++)
		has_groups |= has(pattern, groups[i]);
	for (size_t i = 0; i < LEN(dots); i++)
		if (has(pattern, dots[i]))
			return true;
	if (has_groups && (has(pattern, "(.") || has(pattern, "|.")))
		return true;
	return has_dot_dot(pattern, has_groups) ||
	       (has(pattern, ".{") && (has(pattern, "{.") || has(pattern, ",.")));
}

/* What stands before the first wildcard is the folder that it is in. */
static struct str
before_wildcards(struct str path, bool *is_pattern)
{
	size_t end = 0;

	*is_pattern = false;
	for (size_t i = 0; i < path.n && !*is_pattern; i++) {
		if (path.p[i] == '/')
			end = i;
		*is_pattern = is_wildcard(path, i);
	}
	if (*is_pattern)
		path.n = end;
	return path;
}

static void
set_path_head(struct arg_value *v)
{
	if (!v->is_relative_known || v->is_outside)
		return;
	v->path_head = arg_head(v->relative);
	v->path_mask = arg_mask(v->relative.n);
}

static void
settle_relative(const struct arg_call *c, struct arg_value *v)
{
	const struct str root = str_of(c->root);

	v->is_relative_known = c->root != NULL;
	if (!v->is_relative_known)
		return;
	v->is_outside = !is_within(v->absolute, root);
	if (!v->is_outside)
		v->relative = v->absolute.n == root.n ? STR("")
						      : str_skip(v->absolute, root.n + 1);
	set_path_head(v);
}

/* A native tool's relative path starts in a folder that nobody told us. */
void
arg_read_path(struct arg_call *c, struct arg_value *v)
{
	const struct str given = before_wildcards(v->text, &v->is_pattern);
	char joined[2 * PATH_BYTES_MAX];
	char normal[2 * PATH_BYTES_MAX];
	struct str path = given;
	struct str got;

	v->is_path_read = true;
	v->is_absolute_known = v->is_relative_known = v->is_outside = false;
	v->path_head = v->path_mask = 0;
	if (given.n > PATH_BYTES_MAX || (given.n > 0 && given.p[0] == '~') ||
		memchr(v->text.p, '\0', v->text.n) != NULL ||
		(v->is_pattern && may_climb(str_skip(v->text, given.n))))
		return;
	if (v->text.n == 0 || v->text.p[0] != '/') {
		const size_t nroot = c->root == NULL ? 0 : strlen(c->root);

		if (c->use->server.n == 0 || nroot > PATH_BYTES_MAX - 1)
			return;
		if (c->root == NULL) {
			v->is_relative_known = arg_normal_path(
				given, normal, sizeof normal, &got);
			v->relative = v->is_relative_known ? arg_keep(c->room, got)
							   : STR("");
			v->is_relative_known &= v->relative.p != NULL;
			set_path_head(v);
			return;
		}
		memcpy(joined, c->root, nroot);
		joined[nroot] = '/';
		if (given.n > 0)
			memcpy(joined + nroot + 1, given.p, given.n);
		path = (struct str){ joined, nroot + 1 + given.n };
	}
	if (!arg_normal_path(path, normal, sizeof normal, &got))
		return;
	v->absolute = arg_keep(c->room, got);
	v->is_absolute_known = v->absolute.p != NULL;
	if (v->is_absolute_known)
		settle_relative(c, v);
}

/*
 * UNSURE for a folder above the one that the rule names: a tool that works on it may go into
 * that one too.
 */
enum cmd_match
arg_match_under(struct arg_call *c, const struct pol_matcher *m, struct arg_value *v)
{
	const struct str dir = str_is(str_of(m->text), ".") ? STR("") : str_of(m->text);
	const bool absolute = dir.n > 0 && dir.p[0] == '/';
	struct str path;

	if (dir.n > 0 && dir.p[0] == '~')
		return CMD_UNSURE;
	if (!v->is_path_read)
		arg_read_path(c, v);
	if (absolute ? !v->is_absolute_known : !v->is_relative_known)
		return CMD_UNSURE;
	if (!absolute && v->is_outside)
		return is_within(str_of(c->root), v->absolute) ? CMD_UNSURE : CMD_NO;
	path = absolute ? v->absolute : v->relative;
	if (is_within(path, absolute && dir.n == 1 ? STR("") : dir))
		return CMD_YES;
	return is_within(dir, path) ? CMD_UNSURE : CMD_NO;
}

/* --- texts and globs on paths -------------------------------------------------------- */

bool
arg_is_path(const char *key)
{
	static const char *const ends[] = { "path", "paths", "file", "files", "dir",
		"cwd", "directory", "folder" };
	const size_t n = strlen(key);

	for (size_t i = 0; i < LEN(ends); i++) {
		const size_t k = strlen(ends[i]);

		if (n >= k && strcasecmp(key + n - k, ends[i]) == 0)
			return true;
	}
	return false;
}

bool
arg_is_tidy(struct str path)
{
	if (path.n == 0 || path.p[0] == '/' || path.p[0] == '~')
		return false;
	for (size_t i = 0; i <= path.n;) {
		const char *slash = i < path.n ? memchr(path.p + i, '/', path.n - i)
					       : NULL;
		const size_t end = slash == NULL ? path.n : (size_t)(slash - path.p);
		const struct str part = { path.p + i, end - i };

		if (part.n == 0 || str_is(part, ".") || str_is(part, ".."))
			return false;
		i = end + 1;
	}
	return true;
}

static bool
is_met(const struct pol_matcher *m, struct str path)
{
	struct str want = str_of(m->text);

	while (str_starts(want, STR("./")))
		want = str_skip(want, 2);
	if (path.n == 0)
		path = STR(".");
	return m->kind == POL_GLOB ? glob_match(want, path) : str_eq(want, path);
}

/* A path of the project, relative, as a matcher on whole paths sees it. */
static bool
is_whole_met(const struct arg_call *c, const struct pol_matcher *m, struct str path)
{
	char whole[2 * PATH_BYTES_MAX];
	const size_t n = c->root == NULL ? 0 : strlen(c->root);

	if (n == 0 || n + 1 > PATH_BYTES_MAX)
		return true;
	memcpy(whole, c->root, n);
	if (path.n > 0) {
		whole[n] = '/';
		memcpy(whole + n + 1, path.p, path.n);
	}
	return is_met(m, (struct str){ whole, path.n > 0 ? n + 1 + path.n : n });
}

/* Whether the path, written without detours, absolute or relative, is one that is named. */
static bool
may_be_met(const struct arg_call *c, const struct pol_matcher *m, struct str text)
{
	const bool wants_whole = m->text[0] == '/';
	char normal[PATH_BYTES_MAX];
	struct str path;

	if (text.n > 0 && text.p[0] == '~')
		return true;
	if (!arg_normal_path(text, normal, sizeof normal, &path))
		return true; /* too long, or from above where it begins */
	if (is_met(m, path))
		return true;
	if (text.n == 0 || text.p[0] != '/')
		return wants_whole && is_whole_met(c, m, path);
	if (c->root == NULL)
		return !wants_whole;
	if (!is_within(path, str_of(c->root)))
		return false;
	path = str_skip(path, strlen(c->root));
	return is_met(m, str_skip(path, path.n > 0 ? 1 : 0));
}

/* A pattern that takes "docs/../x" was not meant to. */
enum cmd_match
arg_match_path(const struct arg_call *c, const struct pol_matcher *m, struct str text)
{
	const struct str want = str_of(m->text);
	const bool tidy = arg_is_tidy(text);

	if (m->kind == POL_LITERAL && str_eq(want, text))
		return CMD_YES;
	if (m->kind == POL_GLOB && glob_match(want, text))
		return has_dot_dot(text, false) ? CMD_UNSURE : CMD_YES;
	if (tidy && !str_starts(want, STR("/")) && !str_starts(want, STR("./")))
		return CMD_NO;
	return may_be_met(c, m, text) ? CMD_UNSURE : CMD_NO;
}
