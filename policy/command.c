#include "policy/command_ask.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "policy/glob.h"

enum {
	PLACES_MAX = 64, /* of one command where a prefix is looked for; more: unsure */
	BITS_HALF = 32,
	NAME_BYTES = 255, /* of a file, without its folder: no program's is longer */
	PATTERN_WORD_MAX = 4096 /* a longer word may fit any pattern */
};

bool
ask_is_pattern(struct str token)
{
	return token.n > 0 && (memchr(token.p, '*', token.n) != NULL ||
				      memchr(token.p, '?', token.n) != NULL);
}

static bool
is_same(struct str token, struct str word)
{
	return str_eq(token, word) || (ask_is_pattern(token) && glob_match(token, word));
}

bool
ask_is_token(const struct cmd_prefix *p, size_t i, struct str word)
{
	return i < p->n && is_same(str_of(p->token[i]), word);
}

/* Too long to be compared with each pattern. */
static bool
is_too_long(struct str token, struct str word)
{
	return word.n > PATTERN_WORD_MAX && ask_is_pattern(token);
}

/* The first token is a program's name, or its path when it has a slash. */
static bool
is_program(const struct ask *a, const struct reach_at *at)
{
	const struct str token = str_of(a->p->token[0]);

	if (at->base.n > NAME_BYTES)
		return false;
	if (memchr(token.p, '/', token.n) != NULL && a->r.w[at->i].known)
		return is_too_long(token, a->r.w[at->i].text) ||
		       is_same(token, a->r.w[at->i].text) || is_same(token, at->base);
	return is_same(token, at->base);
}

/* May a word of which only both ends are known be the token? */
static bool
fits(struct str token, const struct sh_word *w)
{
	const struct str text = w->text;

	if (ask_is_pattern(token))
		return true;
	return token.n >= (size_t)w->head + w->tail &&
	       memcmp(token.p, text.p, w->head) == 0 &&
	       memcmp(token.p + token.n - w->tail, text.p + text.n - w->tail, w->tail) ==
		       0;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* A letter of a cluster (-rf), or the first of a long option (--recursive). */
static bool
has_letter(struct str option, char letter)
{
	if (str_starts(option, STR("--")))
		return option.n > 2 && lower(option.p[2]) == lower(letter);
	for (size_t i = 1; i < option.n; i++)
		if (lower(option.p[i]) == lower(letter))
			return true;
	return false;
}

/* A long option as it is, cut short or with a value; or perhaps as its short form. */
static bool
may_mean(struct str word, struct str option)
{
	size_t n = 0;

	if (!str_starts(word, STR("--")))
		return has_letter(word, option.p[2]);
	while (n < word.n && word.p[n] != '=')
		n++;
	word.n = n;
	while (n > 0 && n <= option.n && option.p[n - 1] != '=')
		n--;
	return n == 0 && word.n > 2 && word.n <= option.n &&
	       memcmp(word.p, option.p, word.n) == 0;
}

/* Of the words behind i, does any, or for a cluster each letter of it, give the option? */
static bool
has_option(const struct ask *a, size_t i, struct str option)
{
	const bool is_long = str_starts(option, STR("--")) && option.n > 2;
	uint64_t missing = is_long || option.n > BITS_HALF
				   ? 1
				   : (((uint64_t)1 << option.n) - 1) & ~(uint64_t)1;

	if (ask_is_pattern(option))
		return true;
	for (size_t k = i + 1; k < a->r.n && missing != 0; k++) {
		const struct sh_word *w = &a->r.w[k];
		const struct str head = { w->text.p, w->head };

		if (str_eq(head, option))
			return true;
		if (!reach_known(&a->r, k) && (head.n == 0 || w->fields == SH_ANY ||
						      (head.n == 1 && head.p[0] == '-')))
			return true;
		if (head.n < 2 || head.p[0] != '-')
			continue;
		if (is_long && may_mean(head, option))
			return true;
		for (size_t c = 1; !is_long && c < option.n && c < BITS_HALF; c++)
			if (has_letter(head, option.p[c]))
				missing &= ~((uint64_t)1 << c);
	}
	return missing == 0 || a->r.more;
}

/* The tokens that are no options, in their order. */
struct wanted {
	struct str token[CMD_TOKENS_MAX];
	size_t n;
};

/*
 * What is reached behind one word. Bit k of a set: k of the wanted tokens have been seen;
 * `here` is the set before the word, `now` and `next` those of the word behind it and of the
 * one behind that, since an option may take a value.
 */
struct seen {
	uint32_t here, now, next;
	bool found;
};

static void
see_option(const struct reach_at *at, struct str word, struct seen *s)
{
	const bool table = at->prog != NULL && at->prog->values != NULL &&
			   at->prog->kind == PROG_GIT;
	const bool value = memchr(word.p, '=', word.n) == NULL && !str_is(word, "--") &&
			   (!table || prog_takes_value(at->prog, word));

	if (value)
		s->next |= s->here;
	if (!value || !table)
		s->now |= s->here;
}

static void
see_unknown(const struct sh_word *w, const struct wanted *want, struct seen *s)
{
	if (w->fields == SH_ANY) {
		s->found = true; /* it may be all that is missing */
		return;
	}
	if (w->head == 0 || w->text.p[0] == '-') {
		s->now |= s->here;
		s->next |= s->here;
	}
	for (size_t j = 0; j < want->n; j++) {
		if ((s->here >> j & 1) == 0 || !fits(want->token[j], w))
			continue;
		s->now |= (uint32_t)1 << (j + 1);
		s->found |= w->fields == SH_SAME; /* as many words as there are */
	}
}

/* Are the wanted tokens what the program at `at` gets first, its options aside? */
static bool
may_begin(const struct ask *a, const struct reach_at *at, const struct wanted *want)
{
	const uint32_t done = (uint32_t)1 << want->n;
	struct seen s = { .now = 1 };
	size_t k = at->i + 1;

	for (; (s.now | s.next) != 0; k++) {
		s = (struct seen){ .here = s.now, .now = s.next };
		if ((s.here & done) != 0)
			return true;
		if (k == a->r.n)
			return a->r.more && (s.here | s.now) != 0;
		if (s.here == 0)
			continue;
		if (!reach_known(&a->r, k)) {
			struct sh_word w = a->r.w[k];

			if (w.known) { /* a hole, anywhere in it */
				w.head = w.tail = 0;
				w.fields = SH_ONE;
			}
			see_unknown(&w, want, &s);
			if (s.found)
				return true;
		} else if (reach_is_option(a->r.w[k].text)) {
			see_option(at, a->r.w[k].text, &s);
		} else {
			for (size_t j = 0; j < want->n; j++)
				if ((s.here >> j & 1) != 0 &&
					(is_too_long(want->token[j], a->r.w[k].text) ||
						is_same(want->token[j], a->r.w[k].text)))
					s.now |= (uint32_t)1 << (j + 1);
		}
	}
	return false;
}

/* Another file of the same name elsewhere is another program. */
static bool
is_usual_path(struct str path)
{
	static const char *const dirs[] = { "/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/",
		"/usr/local/bin/" };
	const char *slash = path.n == 0 ? NULL : memrchr(path.p, '/', path.n);
	const size_t n = slash == NULL ? 0 : (size_t)(slash - path.p) + 1;

	if (slash == NULL)
		return true;
	for (size_t i = 0; i < LEN(dirs); i++)
		if (str_is((struct str){ path.p, n }, dirs[i]))
			return true;
	return false;
}

/* Variables before a command that change nothing of what it does. */
static bool
is_harmless(struct str assignment)
{
	static const char *const names[] = { "CI=", "COLUMNS=", "DEBUG=", "FORCE_COLOR=",
		"LANG=", "NODE_ENV=", "NO_COLOR=", "PYTHONUNBUFFERED=", "RUST_BACKTRACE=",
		"TERM=", "TZ=", "VERBOSE=" };

	if (str_starts(assignment, STR("LC_")))
		return true;
	for (size_t i = 0; i < LEN(names); i++)
		if (str_starts(assignment, str_of(names[i])))
			return true;
	return false;
}

/* The prefix word for word, certain to be this program, and nothing written beside it. */
static bool
is_exact(const struct ask *a, const struct sh_line *l, const struct reach_at *at)
{
	const struct sh_word *w = a->r.w;
	const struct str token = str_of(a->p->token[0]);

	if (at->i != 0 || a->r.n < a->p->n || l->renames || l->writes || !w[0].known)
		return false;
	if (!is_usual_path(w[0].text) && !str_eq(token, w[0].text))
		return false;
	for (size_t i = 1; i < a->p->n; i++)
		if (!w[i].known || is_too_long(str_of(a->p->token[i]), w[i].text) ||
			!is_same(str_of(a->p->token[i]), w[i].text))
			return false;
	for (size_t i = 0; i < a->r.c->nassign; i++)
		if (!is_harmless(l->assigned[a->r.c->assign + i].text))
			return false;
	return true;
}

static enum cmd_match
match_at(const struct ask *a, const struct sh_line *l, const struct reach_at *at)
{
	struct wanted want;

	if (!is_program(a, at))
		return CMD_NO;
	if (is_exact(a, l, at))
		return CMD_YES;
	want.n = 0;
	for (size_t i = 1; i < a->p->n; i++) {
		const struct str token = str_of(a->p->token[i]);

		if (!reach_is_option(token) || token.p[0] != '-')
			want.token[want.n++] = token;
		else if (!has_option(a, at->i, token))
			return CMD_NO;
	}
	return may_begin(a, at, &want) ? CMD_UNSURE : CMD_NO;
}

static bool
assigns_text(
	const struct sh_line *l, const struct sh_command *c, const struct cmd_prefix *p)
{
	for (size_t i = 0; i < c->nassign && ask_may_have(p, l); i++)
		if (ask_word_has(p, &l->assigned[c->assign + i]))
			return true;
	return false;
}

/* ssh HOST 'a; b': the split has listed what is in the text. */
static bool
is_joined_text(const struct reach *r, const struct reach_at *at)
{
	const struct prog *p = r->w[0].prog;

	return at->i > 0 && p != NULL && p->kind == PROG_WRAP &&
	       (p->flags & PROG_JOINS) != 0 && reach_known(r, at->i) &&
	       reach_is_text(r->w[at->i].text);
}

enum cmd_match
cmd_match(const struct sh_line *l, size_t command, const struct cmd_prefix *p)
{
	const struct sh_command *c = &l->command[command];
	enum cmd_match best = CMD_NO;
	struct ask a;
	struct reach_at at;
	unsigned places = 0;

	if (l->opaque || assigns_text(l, c, p))
		return CMD_UNSURE;
	a.p = p;
	a.l = l;
	reach_init(&a.r, l, command);
	while (reach_next(&a.r, &at)) {
		enum cmd_match m;

		if (!at.known && is_joined_text(&a.r, &at))
			continue;
		if (!at.known)
			return CMD_UNSURE;
		m = match_at(&a, l, &at);
		if (m == CMD_YES)
			return m;
		if (m == CMD_UNSURE || ask_runs(&a, &at))
			best = CMD_UNSURE;
		if ((at.sure || m != CMD_NO) && ++places > PLACES_MAX)
			return CMD_UNSURE;
	}
	return a.r.unsure ? CMD_UNSURE : best;
}

/* One of the bits of a half: of all of the hash, or tool1 and tool2 would often share one. */
static uint64_t
bit_of(struct str s)
{
	const uint64_t h = hash_more(HASH_FIRST, s);

	return (uint64_t)1 << ((h ^ h >> 32 ^ h >> 47) % BITS_HALF);
}

/* The lower half for programs, the upper for the words behind them. */
static uint64_t
word_bits(struct str word)
{
	const struct str base = reach_base(word);
	uint64_t bits = bit_of(base) | bit_of(word) << BITS_HALF;

	if (str_starts(base, STR("git-")))
		bits |= bit_of(STR("git")) | bit_of(str_skip(base, 4)) << BITS_HALF;
	return bits;
}

/* What a place adds: nothing, any word behind its program, or anything. */
enum hides { HIDES_NOTHING, HIDES_WORDS, HIDES_ALL };

static enum hides
git_hides(const struct reach *r, const struct reach_at *at)
{
	size_t sub;

	if (!reach_git(r, at, &sub))
		return HIDES_ALL;
	for (size_t k = at->i + 1; k < sub; k++)
		if (str_is(r->w[k].text, "-c") ||
			str_starts(r->w[k].text, STR("--config-env")))
			return HIDES_ALL;
	if (sub == r->n)
		return HIDES_NOTHING;
	if (str_is(r->w[sub].text, "config"))
		return HIDES_ALL;
	return reach_git_does(r, sub) == PROG_GIT_UNKNOWN ? HIDES_WORDS : HIDES_NOTHING;
}

/* All that it runs is among its words: none is not known, read, or split once more. */
static bool
is_plain_wrap(const struct reach *r, const struct reach_at *at)
{
	if ((at->prog->flags & PROG_MORE) != 0 || r->more || r->c->piped || r->c->fed ||
		r->c->input.p != NULL)
		return false;
	for (size_t k = at->i + 1; k < r->n; k++)
		if (!reach_known(r, k) ||
			(str_is(at->base, "env") && reach_is_option(r->w[k].text)))
			return false;
	return true;
}

static enum hides
hides_at(const struct reach *r, const struct reach_at *at)
{
	if (!at->known)
		return HIDES_ALL;
	if (at->prog == NULL)
		return HIDES_NOTHING;
	switch (at->prog->kind) {
	case PROG_INERT:
		return str_is(at->base, "rg") ? HIDES_ALL : HIDES_NOTHING;
	case PROG_PLAIN:
		return ask_reads_script(r, at->i) || (at->prog->flags & PROG_READS) != 0
			       ? HIDES_ALL
			       : HIDES_NOTHING;
	case PROG_EVALUATES:
		return HIDES_NOTHING;
	case PROG_GIT:
		return git_hides(r, at);
	case PROG_WRAP:
		return at->prog->flags == 0 || is_plain_wrap(r, at) ? HIDES_NOTHING
								    : HIDES_ALL;
	case PROG_FIND:
	case PROG_SHELL:
	case PROG_EVAL:
	case PROG_SOURCE:
	case PROG_CODE:
	case PROG_RENAMES:
	case PROG_KINDS:
		return HIDES_ALL;
	}
	return HIDES_ALL;
}

/* The program is the only one, and its words are nothing but words to it. */
static bool
is_words_only(const struct reach *r, const struct reach_at *at)
{
	size_t k;

	if (at->prog == NULL)
		return false;
	if (at->prog->kind == PROG_INERT)
		return true;
	return at->prog->kind == PROG_GIT && reach_git(r, at, &k) && k == at->i + 1 &&
	       k < r->n && reach_git_does(r, k) == PROG_GIT_QUIET;
}

static uint64_t
command_bits(const struct sh_line *l, size_t command)
{
	const uint64_t all = ~(uint64_t)0, words = all << BITS_HALF;
	bool only = false;
	uint64_t bits = 0;
	struct reach r;
	struct reach_at at;

	reach_init(&r, l, command);
	if (r.c->nassign > 0)
		return all;
	while (reach_next(&r, &at)) {
		const enum hides hides = hides_at(&r, &at);

		if (hides == HIDES_ALL)
			return all;
		bits |= hides == HIDES_WORDS ? words : 0;
		bits |= bit_of(at.base);
		only |= at.i == 0 && is_words_only(&r, &at);
	}
	if (r.unsure || (!only && r.c->input.p != NULL))
		return all;
	for (size_t i = 0; i < r.n; i++) {
		const struct str w = r.w[i].text;

		if (!only && i > 0 && (reach_is_text(w) || memchr(w.p, '=', w.n) != NULL))
			return all;
		bits |= r.w[i].known ? word_bits(w) : words;
	}
	return bits;
}

uint64_t
cmd_bits(const struct sh_line *l)
{
	uint64_t bits = 0;

	if (l->opaque)
		return ~(uint64_t)0;
	for (size_t i = 0; i < l->ncommands && bits != ~(uint64_t)0; i++)
		bits |= command_bits(l, i);
	return bits;
}

static uint64_t
needed(const struct cmd_prefix *p)
{
	const struct str first = str_of(p->token[0]);
	const struct str second = p->n > 1 ? str_of(p->token[1]) : STR("*");
	uint64_t need = 0;

	if (!ask_is_pattern(first))
		need |= bit_of(reach_base(first));
	if (!ask_is_pattern(second) && !reach_is_option(second))
		need |= bit_of(second) << BITS_HALF;
	return need;
}

void
cmd_prefix_init(struct cmd_prefix *p, const char *const *tokens, size_t n)
{
	size_t length = 2;
	char *to;

	p->n = n > CMD_TOKENS_MAX ? CMD_TOKENS_MAX : n;
	p->token = mem_alloc((p->n + 1) * sizeof p->token[0]);
	for (size_t i = 0; i < p->n; i++) {
		p->token[i] = mem_strdup(tokens[i]);
		length += strlen(tokens[i]) + 1;
		p->run[i] = ask_is_pattern(str_of(tokens[i]))
				    ? 0
				    : sh_last_run(str_of(tokens[i]));
	}
	p->anywhere = to = mem_alloc(length);
	for (size_t i = 0; i < p->n; i++) {
		*to++ = '*';
		to = stpcpy(to, tokens[i]);
	}
	*to = '*';
	p->need = needed(p);
}

void
cmd_prefix_fini(struct cmd_prefix *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->token[i]);
	free(p->token);
	free(p->anywhere);
	*p = (struct cmd_prefix){ .n = 0 };
}
