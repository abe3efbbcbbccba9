#include "policy/index.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "policy/glob.h"

enum { HALF = sizeof(uint64_t) / 2 };

static char
fold(char c)
{
	return isalnum((unsigned char)c) ? c : '_';
}

/* The first bytes of both names, each in one half. */
static uint64_t
folded_heads(struct str server, struct str tool)
{
	char head[2 * HALF] = { 0 };

	for (size_t n = 0; n < server.n && n < HALF; n++)
		head[n] = fold(server.p[n]);
	for (size_t n = 0; n < tool.n && n < HALF; n++)
		head[HALF + n] = fold(tool.p[n]);
	return arg_head((struct str){ head, sizeof head });
}

/* Over both folded names. */
static uint64_t
hash_pair(struct str server, struct str tool)
{
	uint64_t h = HASH_FIRST;

	for (size_t i = 0; i < server.n; i++)
		h = hash_byte(h, (unsigned char)fold(server.p[i]));
	h = hash_byte(h, '/');
	for (size_t i = 0; i < tool.n; i++)
		h = hash_byte(h, (unsigned char)fold(tool.p[i]));
	return h ^ h >> 32;
}

static size_t
plain_length(const char *pattern)
{
	return strcspn(pattern, "*?");
}

static bool
is_plain(const char *pattern)
{
	return pattern[plain_length(pattern)] == '\0';
}

/* The classes of the bytes that a text must have to match the pattern. */
static uint64_t
needed_bytes(const char *pattern)
{
	uint64_t set = 0;

	for (const char *c = pattern; *c != '\0'; c++)
		if (*c != '*' && *c != '?')
			set |= arg_bytes((struct str){ c, 1 });
	return set;
}

/* Sets the bytes of a half that the plain beginning of a pattern fills. */
static void
fill_half(char *half, const char *pattern)
{
	const size_t n = plain_length(pattern);

	memset(half, 0xff, pattern[n] == '\0' || n > HALF ? HALF : n);
}

static struct wild
wild_of(const struct pol_rule *r)
{
	char mask[2 * HALF] = { 0 };
	struct wild w;

	fill_half(mask, r->server);
	fill_half(mask + HALF, r->tool);
	w.mask = arg_head((struct str){ mask, sizeof mask });
	w.want = w.mask & folded_heads(str_of(r->server), str_of(r->tool));
	w.bytes = needed_bytes(r->server) | needed_bytes(r->tool);
	return w;
}

/* --- arguments ----------------------------------------------------------------------- */

static unsigned
key_number(struct pol_index *x, const char *key)
{
	size_t i = 0;

	while (i < x->nkeys && strcmp(x->key[i], key) != 0)
		i++;
	if (i == x->nkeys && x->nkeys < ARG_NAMES_MAX)
		x->key[x->nkeys++] = key;
	return (unsigned)i; /* never ARG_NAMES_MAX: schema.c counts them */
}

static struct probe
probe_glob(const struct pol_matcher *m)
{
	const size_t n = plain_length(m->text);
	const uint64_t mask = m->text[n] == '\0' ? UINT64_MAX : arg_mask(n);

	return (struct probe){
		.kind = PROBE_GLOB,
		.want = arg_head((struct str){ m->text, n }) & mask,
		.mask = mask,
	};
}

static struct probe
probe_matcher(const struct pol_matcher *m)
{
	struct probe p = { .kind = PROBE_NONE };

	if (m->is_path && (m->text[0] == '/' || strncmp(m->text, "./", 2) == 0))
		return p; /* arg_match_path() reads such a text in more than one way */
	switch (m->kind) {
	case POL_PREFIX:
		if (m->prefix.need != 0)
			p = (struct probe){ .kind = PROBE_PREFIX,
				.want = m->prefix.need };
		break;
	case POL_LITERAL:
		p = (struct probe){ .kind = PROBE_EQUAL,
			.want = hash_more(HASH_FIRST, str_of(m->text)) };
		break;
	case POL_GLOB:
		if (!m->is_command)
			p = probe_glob(m);
		break;
	case POL_UNDER:
		if (strchr("/~.", m->text[0]) == NULL)
			p = (struct probe){ .kind = PROBE_UNDER,
				.want = arg_head(str_of(m->text)),
				.mask = arg_mask(strlen(m->text)) };
		break;
	case POL_MATCHERS:
		break;
	}
	p.key = (uint8_t)m->key_id;
	p.is_path = m->is_path;
	return p;
}

static void
add_args(struct pol_index *x, const struct pol_rule *r, size_t number)
{
	struct probe *p = &x->probe[number];

	p->kind = r->nargs > 0 ? PROBE_NONE : PROBE_FREE;
	for (size_t i = 0; i < r->nargs; i++) {
		struct pol_matcher *m = &r->arg[i];

		m->key_id = key_number(x, m->key);
		m->is_command = m->kind == POL_PREFIX ||
				arg_is_shell(r->server, r->tool, m->key);
		m->is_path = !m->is_command && arg_is_path(m->key) &&
			     (m->kind == POL_LITERAL || m->kind == POL_GLOB);
		if (m->is_command && m->kind != POL_LITERAL)
			x->is_command[m->key_id] = true;
		if (p->kind != PROBE_NONE)
			continue;
		*p = probe_matcher(m);
		if (p->kind == PROBE_GLOB)
			x->bytes[number] = needed_bytes(m->text);
	}
}

/* --- names --------------------------------------------------------------------------- */

static struct pair *
find_pair(struct pol_index *x, const char *server, const char *tool)
{
	const size_t at = hash_pair(str_of(server), str_of(tool)) & (x->nbuckets - 1);
	struct pair *p = x->bucket[at];

	while (p != NULL &&
		(strcmp(p->server, server) != 0 || strcmp(p->tool, tool) != 0))
		p = p->next;
	if (p != NULL)
		return p;
	p = mem_alloc(sizeof *p);
	p->server = server;
	p->tool = tool;
	p->next = x->bucket[at];
	x->bucket[at] = p;
	return p;
}

static void
add_to_pair(struct pair *p, uint32_t rule)
{
	if (p->n == p->cap) {
		p->cap = p->cap == 0 ? 4 : 2 * p->cap;
		p->rule = mem_grow(p->rule, p->cap * sizeof *p->rule);
	}
	p->rule[p->n++] = rule;
}

static void
add_names(struct pol_index *x, const struct pol_rule *r, uint32_t number)
{
	if (is_plain(r->server) && is_plain(r->tool)) {
		add_to_pair(find_pair(x, r->server, r->tool), number);
		return;
	}
	x->wild_rule[x->nwild] = number;
	x->wild[x->nwild++] = wild_of(r);
}

struct pol_index *
pol_index_new(const struct pol_file *f)
{
	struct pol_index *x = mem_alloc(sizeof *x);

	x->nbuckets = 1;
	while (x->nbuckets < 2 * f->nrules)
		x->nbuckets *= 2;
	x->bucket = mem_alloc(x->nbuckets * sizeof(struct pair *));
	x->probe = mem_alloc((f->nrules + 1) * sizeof *x->probe);
	x->bytes = mem_alloc((f->nrules + 1) * sizeof *x->bytes);
	x->wild = mem_alloc((f->nrules + 1) * sizeof *x->wild);
	x->wild_rule = mem_alloc((f->nrules + 1) * sizeof *x->wild_rule);
	for (size_t i = 0; i < f->nrules; i++) {
		add_args(x, &f->rule[i], i);
		add_names(x, &f->rule[i], (uint32_t)i);
	}
	return x;
}

void
pol_index_free(struct pol_index *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; i < x->nbuckets; i++) {
		for (struct pair *p = x->bucket[i], *next; p != NULL; p = next) {
			next = p->next;
			free(p->rule);
			free(p);
		}
	}
	free((void *)x->bucket);
	free(x->probe);
	free(x->bytes);
	free(x->wild);
	free(x->wild_rule);
	free(x);
}

/* --- looking up ---------------------------------------------------------------------- */

static struct str
server_of(const struct pol_use *u)
{
	return u->server.n > 0 ? u->server : str_of(pol_agent_name(u->agent));
}

static bool
is_native_name(const char *server)
{
	enum pol_agent a;

	return pol_agent_from(str_of(server), &a);
}

static bool
names(const char *server, const char *tool, const struct pol_use *u)
{
	if (u->server.n > 0 && is_native_name(server))
		return false; /* "claude/Bash" is claude's own, not a server of that name */
	if (u->server.n == 0 && u->agent == POL_CLAUDE) /* claude's own are not respelt */
		return glob_match(str_of(server), server_of(u)) &&
		       glob_match(str_of(tool), u->tool);
	return pol_name_meets(server, server_of(u), u->agent) &&
	       pol_name_meets(tool, u->tool, u->agent);
}

bool
index_names(const struct pol_rule *r, const struct pol_use *u)
{
	return names(r->server, r->tool, u);
}

void
index_walk_begin(struct index_walk *w, const struct pol_file *f, const struct pol_use *u)
{
	const struct pol_index *x = f->index;
	const struct str server = server_of(u);

	w->x = x;
	w->file = f;
	w->use = u;
	w->npairs = w->wild = w->next = 0;
	w->all = false;
	w->head = folded_heads(server, u->tool);
	w->bytes = arg_bytes(server) | arg_bytes(u->tool);
	for (const struct pair *p =
			x->bucket[hash_pair(server, u->tool) & (x->nbuckets - 1)];
		p != NULL; p = p->next) {
		if (!names(p->server, p->tool, u))
			continue;
		w->all = w->npairs == INDEX_PAIRS_MAX;
		if (w->all)
			return;
		w->at[w->npairs] = 0;
		w->pair[w->npairs++] = p;
	}
}

/* True when the rule cannot match these arguments. */
static inline bool
excludes(const struct pol_index *x, uint32_t rule, struct arg_call *c)
{
	const struct probe *p = &x->probe[rule];
	struct arg_value *v = &c->value[p->key];

	if (p->kind <= PROBE_NONE || v->kind != ARG_TEXT || (p->is_path && !v->is_tidy))
		return false;
	switch ((enum probe_kind)p->kind) {
	case PROBE_EQUAL:
		return v->hash != p->want && v->hash != 0;
	case PROBE_GLOB:
		return ((v->head ^ p->want) & p->mask) != 0 ||
		       (x->bytes[rule] & ~v->bytes) != 0;
	case PROBE_PREFIX:
		return (c->bits & p->want) != p->want && c->command == p->key;
	case PROBE_UNDER:
		if (!v->is_path_read)
			arg_read_path(c, v);
		return ((v->path_head ^ p->want) & p->mask & v->path_mask) != 0;
	case PROBE_FREE:
	case PROBE_NONE:
		break;
	}
	return false;
}

static bool
next_wild(struct index_walk *w)
{
	const struct pol_index *x = w->x;

	for (; w->wild < x->nwild; w->wild++) {
		const struct wild *k = &x->wild[w->wild];

		if (((w->head ^ k->want) & k->mask) == 0 && (k->bytes & ~w->bytes) == 0 &&
			index_names(&w->file->rule[x->wild_rule[w->wild]], w->use))
			return true;
	}
	return false;
}

static int64_t
next_of_all(struct index_walk *w)
{
	while (w->next < w->file->nrules && !index_names(&w->file->rule[w->next], w->use))
		w->next++;
	return w->next < w->file->nrules ? (int64_t)w->next++ : -1;
}

int64_t
index_walk_next(struct index_walk *w)
{
	int64_t least = INT64_MAX;
	size_t *from = NULL;

	if (w->all)
		return next_of_all(w);
	if (next_wild(w)) {
		least = w->x->wild_rule[w->wild];
		from = &w->wild;
	}
	for (size_t i = 0; i < w->npairs; i++) {
		if (w->at[i] == w->pair[i]->n || w->pair[i]->rule[w->at[i]] > least)
			continue;
		least = w->pair[i]->rule[w->at[i]];
		from = &w->at[i];
	}
	if (from == NULL)
		return -1;
	(*from)++;
	return least;
}

static inline void
shorten_by(
	struct shortlist *s, const struct pol_index *x, uint32_t rule, struct arg_call *c)
{
	if (excludes(x, rule, c))
		return;
	s->over = s->n == INDEX_SHORT_MAX;
	if (!s->over)
		s->rule[s->n++] = rule;
}

void
index_shorten(struct shortlist *s, const struct pol_file *f, struct arg_call *c)
{
	const struct pol_index *x = f->index;
	struct index_walk w;

	s->n = 0;
	s->over = false;
	index_walk_begin(&w, f, c->use);
	if (w.npairs == 1 && x->nwild == 0 && !w.all) {
		/* all in one row: the usual case of many rules for one tool */
		const struct pair *p = w.pair[0];

		for (size_t i = 0; i < p->n && !s->over; i++)
			shorten_by(s, x, p->rule[i], c);
		return;
	}
	for (int64_t i; !s->over && (i = index_walk_next(&w)) >= 0;)
		shorten_by(s, x, (uint32_t)i, c);
}
