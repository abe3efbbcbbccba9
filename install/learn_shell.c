#include "install/learn_shell.h"

#include <stdlib.h>

#include "base/mem.h"
#include "policy/command.h"
#include "policy/shell.h"

enum {
	COMMANDS_MAX = 16, /* of a line that may share prefixes */
	ROUNDS_MAX = 16,
	KEY_WORDS_MAX = 3,
	ALIKE_MIN = 2,
	LINES_FIRST = 64
};

/* One command of a line that may share a prefix. */
struct seen {
	size_t line;
	size_t key; /* how many words are its group's */
	struct words word;
};

struct seen_list {
	struct seen *item;
	size_t n;
};

void
learn_shell_fini(struct learn_shell *s)
{
	for (size_t i = 0; i < s->nlines; i++)
		free(s->line[i].text);
	free(s->line);
	for (size_t i = 0; i < s->nprefixes; i++)
		words_fini(&s->prefix[i].word);
	free(s->prefix);
	*s = (struct learn_shell){ .line = NULL };
}

/* Where the line is, or belongs. */
static size_t
place_of(const struct learn_shell *s, const char *text)
{
	size_t low = 0;
	size_t high = s->nlines;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (strcmp(s->line[mid].text, text) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
learn_shell_add(struct learn_shell *s, const char *text, bool exact)
{
	const size_t at = place_of(s, text);

	if (at < s->nlines && strcmp(s->line[at].text, text) == 0) {
		s->line[at].calls++;
		return;
	}
	if (s->nlines == LEARN_LINES_MAX) {
		s->dropped++;
		return;
	}
	if (s->nlines % LINES_FIRST == 0)
		s->line = mem_grow(s->line, (s->nlines + LINES_FIRST) * sizeof *s->line);
	memmove(&s->line[at + 1], &s->line[at], (s->nlines - at) * sizeof *s->line);
	s->line[at] = (struct learn_line){
		.text = mem_strdup(text), .calls = 1, .exact = exact
	};
	s->nlines++;
}

/* --- reading a line -------------------------------------------------------------------- */

/* Letters and digits, as names of programs and subcommands have them; no pattern, no path. */
static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", s.p[i]) == NULL ||
			s.p[i] == '\0')
			return false;
	return s.n > 0 && s.p[0] != '-';
}

/*
 * How many words name the group: "git push" 2, "npm run build" 3, 0 for what is not grouped.
 * Of a subcommand that runs what follows, that belongs to the name.
 */
static size_t
key_of(const struct sh_line *l, const struct sh_command *c)
{
	static const char *const programs[] = { "git", "npm", "pnpm", "yarn", "cargo",
		"go", "docker", "podman", "kubectl", "pip", "pip3", "poetry", "uv", "gh",
		"glab", "make", "apt", "apt-get", "dnf", "brew", "systemctl", "dotnet",
		"terraform", "helm", "bundle", "gradle", "mvn", "mix", "conda", "rustup",
		"meson", "cmake" };
	static const char *const runners[] = { "run", "exec", "x", "dlx", "tool",
		"compose", "submodule", "bisect", "rebase" };
	const struct sh_word *w = &l->word[c->first];
	const size_t want = c->n > 1 && str_is_any(w[1].text, runners, LEN(runners))
				    ? KEY_WORDS_MAX
				    : 2;

	if (c->n < want || c->nassign > 0 ||
		!str_is_any(w[0].text, programs, LEN(programs)))
		return 0;
	for (size_t i = 0; i < c->n; i++)
		if (!w[i].known || (i < want && !is_name(w[i].text)))
			return 0;
	return want;
}

static void
add_seen(struct seen_list *list, const struct sh_line *l, const struct sh_command *c,
	size_t line)
{
	struct seen *to;

	if (list->n % LINES_FIRST == 0)
		list->item = mem_grow(
			list->item, (list->n + LINES_FIRST) * sizeof *list->item);
	to = &list->item[list->n++];
	*to = (struct seen){ .line = line, .key = key_of(l, c), .word = WORDS_INIT };
	for (size_t i = 0; i < c->n; i++) {
		CLEANUP(mem_freep)
		char *word = mem_strdup_str(l->word[c->first + i].text);

		words_add(&to->word, word);
	}
}

/* False: the line can only be allowed as it is. */
static bool
read_line(struct seen_list *list, struct sh_line *l, const char *text, size_t line)
{
	if (strpbrk(text, "<>$`\n") != NULL)
		return false;
	sh_split(l, str_of(text));
	if (l->opaque || l->ncommands == 0 || l->ncommands > COMMANDS_MAX)
		return false;
	for (size_t i = 0; i < l->ncommands; i++)
		if (key_of(l, &l->command[i]) == 0)
			return false;
	for (size_t i = 0; i < l->ncommands; i++)
		add_seen(list, l, &l->command[i], line);
	return true;
}

static void
seen_fini(struct seen_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		words_fini(&list->item[i].word);
	free(list->item);
	*list = (struct seen_list){ .item = NULL };
}

/* --- groups ---------------------------------------------------------------------------- */

/* By the words; so those of one group come together, and equal commands too. */
static int
compare(const void *x, const void *y)
{
	const struct words *a = &((const struct seen *)x)->word;
	const struct words *b = &((const struct seen *)y)->word;

	for (size_t i = 0; i < a->n && i < b->n; i++) {
		const int c = strcmp(a->v[i], b->v[i]);

		if (c != 0)
			return c;
	}
	return a->n < b->n ? -1 : a->n > b->n;
}

/* The first words that both have. */
static size_t
common(const struct words *a, const struct words *b)
{
	size_t n = 0;

	while (n < a->n && n < b->n && strcmp(a->v[n], b->v[n]) == 0)
		n++;
	return n;
}

static size_t
group_size(const struct seen_list *list, size_t from)
{
	const struct seen *first = &list->item[from];
	size_t k = 1;

	while (from + k < list->n && list->item[from + k].key == first->key &&
		common(&first->word, &list->item[from + k].word) >= first->key)
		k++;
	return k;
}

static size_t
different(const struct seen *item, size_t n)
{
	size_t k = 1;

	for (size_t i = 1; i < n; i++)
		k += compare(&item[i - 1], &item[i]) != 0;
	return k;
}

/* Words that would be patterns, or too many, end the prefix. */
static size_t
plain_words(const struct words *w, size_t most)
{
	size_t n = 0;

	while (n < most && n < CMD_TOKENS_MAX && strpbrk(w->v[n], "*?[]{}\\") == NULL &&
		w->v[n][0] != '\0' && strlen(w->v[n]) < CMD_TOKEN_MAX)
		n++;
	return n;
}

static void
add_prefix(struct learn_shell *s, const struct seen *item, size_t n)
{
	/* they are in order: what first and last share, all share */
	const size_t words = plain_words(
		&item[0].word, common(&item[0].word, &item[n - 1].word));
	struct learn_prefix *to;

	if (s->nprefixes % LINES_FIRST == 0)
		s->prefix = mem_grow(
			s->prefix, (s->nprefixes + LINES_FIRST) * sizeof *s->prefix);
	to = &s->prefix[s->nprefixes++];
	*to = (struct learn_prefix){ .word = WORDS_INIT, .commands = different(item, n) };
	for (size_t i = 0; i < words; i++)
		words_add(&to->word, item[0].word.v[i]);
	for (size_t i = 0; i < n; i++)
		to->calls += s->line[item[i].line].calls;
}

/* True when every group is one of at least two commands, and the prefixes were made. */
static bool
try_groups(struct learn_shell *s, const struct seen_list *list)
{
	bool good = true;

	for (size_t i = 0; i < list->n;) {
		const size_t k = group_size(list, i);
		const bool alone = different(&list->item[i], k) < ALIKE_MIN;

		for (size_t m = 0; m < k && alone; m++)
			s->line[list->item[i + m].line].exact = true;
		good = good && !alone;
		i += k;
	}
	for (size_t i = 0; i < list->n && good;) {
		const size_t k = group_size(list, i);

		add_prefix(s, &list->item[i], k);
		i += k;
	}
	return good;
}

static bool
one_round(struct learn_shell *s, struct sh_line *l)
{
	CLEANUP(seen_fini) struct seen_list list = { .item = NULL };

	for (size_t i = 0; i < s->nlines; i++)
		if (!s->line[i].exact)
			s->line[i].exact = !read_line(&list, l, s->line[i].text, i);
	if (list.n > 0)
		qsort(list.item, list.n, sizeof *list.item, compare);
	return try_groups(s, &list);
}

void
learn_shell_group(struct learn_shell *s)
{
	CLEANUP(mem_freep) struct sh_line *l = mem_alloc(sizeof *l);
	bool good = false;

	for (size_t i = 0; i < s->nprefixes; i++)
		words_fini(&s->prefix[i].word);
	free(s->prefix);
	s->prefix = NULL;
	s->nprefixes = 0;
	for (int round = 0; round < ROUNDS_MAX && !good; round++)
		good = one_round(s, l);
	for (size_t i = 0; i < s->nlines && !good; i++)
		s->line[i].exact = true;
}
