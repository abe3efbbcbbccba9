#include "mcp/pathglob.h"

#include "base/mem.h"

/* The length of [..] that starts s, 0 when it is not closed. */
static size_t
class_len(struct str s)
{
	size_t i = 1;

	if (i < s.n && (s.p[i] == '!' || s.p[i] == '^'))
		i++;
	if (i < s.n && s.p[i] == ']') /* a ] in first place is itself */
		i++;
	while (i < s.n && s.p[i] != ']')
		i++;
	return i < s.n ? i + 1 : 0;
}

static bool
class_has(struct str cls, char c)
{
	const bool negated = cls.p[1] == '!' || cls.p[1] == '^';
	bool in = false;

	for (size_t i = negated ? 2 : 1; i + 1 < cls.n; i++) {
		if (i + 3 < cls.n && cls.p[i + 1] == '-') {
			in = in || (c >= cls.p[i] && c <= cls.p[i + 2]);
			i += 2;
		} else {
			in = in || c == cls.p[i];
		}
	}
	return in != negated && c != '/';
}

struct states {
	bool at[PATHGLOB_MAX + 1];
};

static bool
is_at(struct str pat, size_t i, const char *z)
{
	return str_starts(str_skip(pat, i), str_of(z));
}

static size_t
star_len(struct str pat, size_t i)
{
	return is_at(pat, i, "**") ? 2 : 1;
}

/* Position i, and what can be reached from it without a byte. */
static void
reach(struct states *s, struct str pat, size_t i)
{
	/* at the start of a part, "**" and its slash may stand for no part at all */
	if ((i == 0 || pat.p[i - 1] == '/') && i < pat.n && is_at(pat, i, "**/"))
		reach(s, pat, i + 3);
	for (; !s->at[i]; i += star_len(pat, i)) {
		s->at[i] = true;
		if (i >= pat.n || pat.p[i] != '*')
			return;
	}
}

/* A star has taken a byte and is still there. */
static void
stay(struct states *s, struct str pat, size_t i)
{
	s->at[i] = true;
	reach(s, pat, i + star_len(pat, i));
}

static void
step(struct states *to, struct str pat, size_t i, char c)
{
	if (pat.p[i] == '*') {
		if (c != '/' || is_at(pat, i, "**"))
			stay(to, pat, i);
	} else if (pat.p[i] == '[') {
		const size_t n = class_len(str_skip(pat, i));

		if (class_has((struct str){ pat.p + i, n }, c))
			reach(to, pat, i + n);
	} else if (pat.p[i] == c || (pat.p[i] == '?' && c != '/')) {
		reach(to, pat, i + 1);
	}
}

static bool
match_plain(struct str pat, struct str path)
{
	struct states now = { { false } };

	reach(&now, pat, 0);
	for (size_t k = 0; k < path.n; k++) {
		struct states next = { { false } };

		for (size_t i = 0; i < pat.n; i++)
			if (now.at[i])
				step(&next, pat, i, path.p[k]);
		now = next;
	}
	return now.at[pat.n];
}

/* Finds the first {..}: its start, its end; false when there is none. */
static bool
braces(struct str pat, size_t *from, size_t *to)
{
	const char *open = pat.n > 0 ? memchr(pat.p, '{', pat.n) : NULL;
	const char *close;

	if (open == NULL)
		return false;
	*from = (size_t)(open - pat.p);
	close = memchr(open, '}', pat.n - *from);
	*to = close == NULL ? pat.n : (size_t)(close - pat.p);
	return true;
}

/* Writes prefix + choice + rest; choices never make a pattern longer. */
static struct str
chosen(struct str pat, size_t from, size_t to, struct str choice, char *out)
{
	memcpy(out, pat.p, from);
	memcpy(out + from, choice.p, choice.n);
	memcpy(out + from + choice.n, pat.p + to + 1, pat.n - to - 1);
	return (struct str){ out, from + choice.n + pat.n - to - 1 };
}

static bool
match_choices(struct str pat, struct str path, int *left)
{
	size_t from;
	size_t to;
	size_t i;

	if (!braces(pat, &from, &to))
		return (*left)-- > 0 && match_plain(pat, path);
	for (i = from + 1; i <= to;) {
		char one[PATHGLOB_MAX];
		const char *end = memchr(pat.p + i, ',', to - i);
		const size_t n = end == NULL ? to - i : (size_t)(end - pat.p) - i;

		if (match_choices(
			    chosen(pat, from, to, (struct str){ pat.p + i, n }, one),
			    path, left))
			return true;
		i += n + 1;
	}
	return false;
}

static int
count_choices(struct str pat)
{
	int all = 1;
	int here = 0;

	for (size_t i = 0; i < pat.n && all <= PATHGLOB_CHOICES_MAX; i++) {
		if (pat.p[i] == '{')
			here = 1;
		else if (pat.p[i] == ',' && here > 0)
			here++;
		else if (pat.p[i] == '}' && here > 0) {
			all *= here;
			here = 0;
		}
	}
	return all;
}

int
pathglob_check(struct str pat, struct err *e)
{
	bool open = false;

	if (pat.n == 0 || pat.n > PATHGLOB_MAX)
		return err_set(e, ERR_DATA, "a glob has 1 to %d bytes, this one has %zu",
			PATHGLOB_MAX, pat.n);
	for (size_t i = 0; i < pat.n; i++) {
		if (pat.p[i] == '[' && class_len(str_skip(pat, i)) == 0)
			return err_set(e, ERR_DATA, "the glob has a [ without its ]");
		if (pat.p[i] == '{' && open)
			return err_set(e, ERR_DATA, "the glob has a { inside of {}");
		if (pat.p[i] == '}' && !open)
			return err_set(e, ERR_DATA, "the glob has a } without its {");
		if (pat.p[i] == '{' || pat.p[i] == '}')
			open = pat.p[i] == '{';
		else if (pat.p[i] == '[')
			i += class_len(str_skip(pat, i)) - 1;
	}
	if (open)
		return err_set(e, ERR_DATA, "the glob has a { without its }");
	if (count_choices(pat) > PATHGLOB_CHOICES_MAX)
		return err_set(e, ERR_DATA, "the glob has more than %d choices",
			PATHGLOB_CHOICES_MAX);
	return 0;
}

bool
pathglob_match(struct str pat, struct str path)
{
	int left = PATHGLOB_CHOICES_MAX;
	struct err ignored =
		ERR_INIT; /* the caller has shown it when it took the pattern */

	if (pathglob_check(pat, &ignored) < 0)
		return false;
	if (memchr(pat.p, '/', pat.n) == NULL) {
		const char *slash = memrchr(path.p, '/', path.n);

		if (slash != NULL)
			path = str_skip(path, (size_t)(slash - path.p) + 1);
	}
	return match_choices(pat, path, &left);
}
