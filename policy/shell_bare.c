#include "policy/shell_parse.h"

#include "base/hash.h"

static bool
is_odd(char c)
{
	return c == '\\' || c == '\'' || c == '"' || c == '$' || c == '`';
}

static bool
has_odd(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_odd(s.p[i]))
			return true;
	return false;
}

/* How many bytes from i on are nothing to a shell, or only quote; 0: they are text. */
static size_t
nothing_at(struct str s, size_t i, size_t closing)
{
	const char next = i + 1 < s.n ? s.p[i + 1] : '\0';

	if (s.p[i] == '\\')
		return next == '\n' ? 2 : 1;
	if (s.p[i] != '$')
		return is_odd(s.p[i]);
	if (next == '{' && closing > i)
		return closing - i + 1;
	if (next == '(' && i + 2 < s.n && s.p[i + 2] == ')')
		return 3;
	return next != '\0' && strchr("@*!0123456789", next) != NULL ? 2 : 0;
}

/* Never 0. */
static uint32_t
hash(struct str s)
{
	const uint64_t h = hash_more(HASH_FIRST, s);

	return (uint32_t)(h ^ h >> 32) | (uint32_t)SH_RUNS;
}

uint32_t
sh_last_run(struct str text)
{
	size_t from;

	while (text.n > 0 && !sh_is_name((unsigned char)text.p[text.n - 1]))
		text.n--;
	for (from = text.n; from > 0 && sh_is_name((unsigned char)text.p[from - 1]);)
		from--;
	return text.n == 0 ? 0 : hash(str_skip(text, from));
}

bool
sh_may_have(const struct sh_line *l, uint32_t run)
{
	const uint32_t i = run % SH_RUNS;

	return run == 0 || (l->run[i / 64] >> (i % 64) & 1) != 0;
}

static void
note_run(struct sh_line *l, struct str run)
{
	const uint32_t i = hash(run) % SH_RUNS;

	l->run[i / 64] |= (uint64_t)1 << (i % 64);
}

/* The first letter behind a backslash may be an escape's. */
static void
note_runs(struct sh_line *l, struct str s)
{
	for (size_t i = 0, from = 0; i <= s.n; i++) {
		if (i < s.n && sh_is_name((unsigned char)s.p[i]))
			continue;
		if (i > from) {
			const struct str run = { s.p + from, i - from };

			note_run(l, run);
			if (from > 0 && s.p[from - 1] == '\\' && run.n > 1)
				note_run(l, str_skip(run, 1));
		}
		from = i + 1;
	}
}

static struct str
make_bare(struct sh_line *l, size_t *used, struct str s)
{
	char *to = l->bare + *used;
	size_t n = 0, closing = 0; /* the first } from here on */

	note_runs(l, s);
	if (!has_odd(s))
		return (struct str){ NULL, 0 };
	if (*used + s.n > SH_TEXT_MAX) {
		sh_opaque(l, "the line is too long");
		return (struct str){ NULL, 0 };
	}
	for (size_t i = 0, skip; i<s.n; i += skip> 0 ? skip : 1) {
		while (closing < s.n && (closing < i || s.p[closing] != '}'))
			closing++;
		skip = nothing_at(s, i, closing < s.n ? closing : 0);
		if (skip == 0)
			to[n++] = s.p[i];
	}
	*used += n;
	note_runs(l, (struct str){ to, n });
	return (struct str){ to, n };
}

void
sh_make_bare(struct sh_line *l)
{
	size_t used = 0;

	if (l->opaque)
		return;
	memset(l->run, 0, sizeof l->run);
	for (size_t i = 0; i < l->nwords; i++)
		l->word[i].bare = make_bare(l, &used, l->word[i].text);
	for (size_t i = 0; i < l->nassigns; i++)
		l->assigned[i].bare = make_bare(l, &used, l->assigned[i].text);
	for (size_t i = 0; i < l->ncommands; i++)
		l->command[i].bare = make_bare(l, &used, l->command[i].input);
	for (size_t i = 0; i < l->ninputs; i++)
		l->input[i].bare = make_bare(l, &used, l->input[i].text);
}
