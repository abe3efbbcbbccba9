#include "policy/index.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/mem.h"
#include "policy/glob.h"

enum { FOLD_MAX = sizeof(uint64_t) };

static char
fold(char c)
{
	return isalnum((unsigned char)c) ? c : '_';
}

static uint64_t
folded_head(struct str name)
{
	char head[FOLD_MAX];
	size_t n = 0;

	for (; n < name.n && n < sizeof head; n++)
		head[n] = fold(name.p[n]);
	return arg_head((struct str){ head, n });
}

/* FNV-1a over both folded names. */
static uint64_t
hash_pair(struct str server, struct str tool)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < server.n; i++)
		h = (h ^ (unsigned char)fold(server.p[i])) * 1099511628211u;
	h = (h ^ '/') * 1099511628211u;
	for (size_t i = 0; i < tool.n; i++)
		h = (h ^ (unsigned char)fold(tool.p[i])) * 1099511628211u;
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

/* The bytes of a head that the first n of a text fill; more than n when the text ends there. */
static uint64_t
mask_of(size_t n, bool ends)
{
	unsigned char bytes[sizeof(uint64_t)] = { 0 };
	uint64_t mask;

	memset(bytes, 0xff, ends || n > sizeof bytes ? sizeof bytes : n);
	memcpy(&mask, bytes, sizeof mask);
	return mask;
}

static struct name_probe
probe_name(const char *pattern)
{
	const size_t n = plain_length(pattern);
	const uint64_t mask = mask_of(n, pattern[n] == '\0');

	return (struct name_probe){
		.want = folded_head((struct str){ pattern, n }) & mask, .mask = mask
	};
}

static bool
probe_takes(const struct name_probe *p, uint64_t head)
{
	return ((head ^ p->want) & p->mask) == 0;
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

static bool
probe_matcher(const struct pol_matcher *m, struct probe *p)
{
	const size_t n = m->text == NULL ? 0 : plain_length(m->text);

	p->key = m->key_id;
	switch (m->kind) {
	case POL_PREFIX:
		p->kind = PROBE_PREFIX;
		p->want = m->prefix.need;
		return m->prefix.need != 0;
	case POL_LITERAL:
		p->kind = PROBE_HEAD;
		p->want = arg_head(str_of(m->text));
		p->mask = UINT64_MAX;
		return true;
	case POL_GLOB:
		p->kind = PROBE_HEAD;
		p->mask = mask_of(n, m->text[n] == '\0');
		p->want = arg_head((struct str){ m->text, n }) & p->mask;
		return n > 0 && !m->is_command;
	case POL_UNDER:
	case POL_MATCHERS:
		break;
	}
	return false;
}

static void
add_args(struct pol_index *x, const struct pol_rule *r, size_t number)
{
	struct probe *p = &x->probe[number];
	bool found = false;

	for (size_t i = 0; i < r->nargs; i++) {
		struct pol_matcher *m = &r->arg[i];

		m->key_id = key_number(x, m->key);
		m->is_command = m->kind == POL_PREFIX ||
				arg_is_shell(r->server, r->tool, m->key);
		if (m->is_command && m->kind != POL_LITERAL)
			x->is_command[m->key_id] = true;
		found = found || probe_matcher(m, p);
	}
	if (!found)
		*p = (struct probe){ .kind = PROBE_NONE };
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
	x->wild[x->nwild++] = (struct wild){
		.server = probe_name(r->server),
		.tool = probe_name(r->tool),
		.rule = number,
	};
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
	x->wild = mem_alloc((f->nrules + 1) * sizeof *x->wild);
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
	free(x->wild);
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
	bool (*const match)(struct str,
		struct str) = u->agent == POL_CODEX ? glob_match_respelt : glob_match;

	if (u->server.n > 0 && is_native_name(server))
		return false; /* "claude/Bash" is claude's own, not a server of that name */
	return match(str_of(server), server_of(u)) && match(str_of(tool), u->tool);
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
	w->server_head = folded_head(server);
	w->tool_head = folded_head(u->tool);
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

static bool
next_wild(struct index_walk *w)
{
	const struct pol_index *x = w->x;

	for (; w->wild < x->nwild; w->wild++) {
		const struct wild *k = &x->wild[w->wild];

		if (probe_takes(&k->tool, w->tool_head) &&
			probe_takes(&k->server, w->server_head) &&
			index_names(&w->file->rule[k->rule], w->use))
			return true;
	}
	return false;
}

int64_t
index_walk_next(struct index_walk *w)
{
	int64_t least = INT64_MAX;
	size_t *from = NULL;

	if (w->all) {
		while (w->next < w->file->nrules &&
			!index_names(&w->file->rule[w->next], w->use))
			w->next++;
		return w->next < w->file->nrules ? (int64_t)w->next++ : -1;
	}
	if (next_wild(w)) {
		least = w->x->wild[w->wild].rule;
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
