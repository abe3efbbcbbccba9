#include "shim/codex_kept.h"

#include "shim/codex_keys.h"

enum { SETS_MAX = 512 };

struct set {
	const char *profile, *key;
	const struct toml_node *value, *base;
};

static const struct toml_node *
sets_of(const struct toml_node *kept)
{
	const struct toml_node *all = kept == NULL ? NULL : toml_get(kept, "set");

	return all != NULL && all->type == TOML_ARRAY ? all->child : NULL;
}

/* The own spelling of the list, which outlives all trees; NULL: not for us. */
static const char *
known(const char *key)
{
	for (size_t i = 0; key != NULL && codex_own_keys[i] != NULL; i++)
		if (strcmp(key, codex_own_keys[i]) == 0)
			return codex_own_keys[i];
	return NULL;
}

static bool
read_set(const struct toml_node *n, struct set *s)
{
	if (n->type != TOML_TABLE)
		return false;
	s->profile = codex_text(n, "profile");
	s->key = known(codex_text(n, "key"));
	s->value = toml_get(n, "value");
	s->base = toml_get(n, "base");
	return s->profile != NULL && s->key != NULL;
}

/* Whether there is one for this file of the person's, as that file is now. */
static bool
find(const struct toml_node *kept, const char *profile, const char *key,
	const struct toml_node *base, const struct toml_node **value)
{
	struct set s;

	for (const struct toml_node *n = sets_of(kept); n != NULL; n = n->next) {
		if (!read_set(n, &s) || strcmp(s.key, key) != 0 ||
			strcmp(s.profile, profile) != 0 || !codex_same(s.base, base))
			continue;
		*value = s.value;
		return true;
	}
	return false;
}

const struct toml_node *
codex_value(const struct plan_facts *f, const char *key)
{
	const struct toml_node *base = codex_get(f->profile, key);
	const struct toml_node *value = base;

	if (f->profile_name != NULL)
		(void)find(f->kept, f->profile_name, key, base, &value);
	if (value != NULL)
		return value;
	value = base = codex_get(f->config, key);
	(void)find(f->kept, "", key, base, &value);
	return value;
}

static void
put_pair(struct buf *b, const char *key, const struct toml_node *n)
{
	if (n == NULL)
		return;
	buf_put_json(b, str_of(key));
	buf_puts(b, " = ");
	codex_put_value(b, n);
	buf_putc(b, '\n');
}

void
codex_put_was(struct buf *b, const struct plan_facts *f)
{
	const bool own = f->profile_name != NULL;

	buf_puts(b, "profile = ");
	buf_put_json(b, str_of(own ? f->profile_name : ""));
	buf_puts(b, "\n[given]\n");
	for (size_t i = 0; codex_own_keys[i] != NULL; i++)
		put_pair(b, codex_own_keys[i], codex_value(f, codex_own_keys[i]));
	buf_puts(b, "[base]\n");
	for (size_t i = 0; codex_own_keys[i] != NULL; i++)
		put_pair(b, codex_own_keys[i],
			codex_get(own ? f->profile : f->config, codex_own_keys[i]));
}

static void
put_set(struct buf *b, const struct set *s)
{
	buf_puts(b, "[[set]]\nprofile = ");
	buf_put_json(b, str_of(s->profile));
	buf_puts(b, "\nkey = ");
	buf_put_json(b, str_of(s->key));
	buf_putc(b, '\n');
	put_pair(b, "value", s->value);
	put_pair(b, "base", s->base);
}

struct sets {
	struct set v[SETS_MAX];
	size_t n;
};

static void
add(struct sets *all, const struct set *s)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].key, s->key) == 0 &&
			strcmp(all->v[i].profile, s->profile) == 0) {
			all->v[i] = *s;
			return;
		}
	if (all->n < SETS_MAX)
		all->v[all->n++] = *s;
}

/* What this session has changed. */
static void
add_left(struct sets *all, const struct codex_left *l)
{
	const struct toml_node *given = toml_get(l->was, "given");
	const struct toml_node *base = toml_get(l->was, "base");
	struct set s = { .profile = codex_text(l->was, "profile") };

	if (s.profile == NULL || given == NULL || base == NULL ||
		given->type != TOML_TABLE || base->type != TOML_TABLE)
		return;
	for (size_t i = 0; codex_own_keys[i] != NULL; i++) {
		s.key = codex_own_keys[i];
		s.value = codex_get(l->now, s.key);
		s.base = toml_get(base, s.key);
		if (!codex_is_path(s.key) && strcmp(s.key, CODEX_INSTRUCTIONS) != 0 &&
			!codex_same(s.value, toml_get(given, s.key)))
			add(all, &s);
	}
}

void
codex_kept_after(struct buf *b, const struct toml_node *kept,
	const struct toml_node *config, const struct codex_left *left, size_t n)
{
	struct sets *all = mem_alloc(sizeof *all);
	struct set s;

	all->n = 0;
	for (const struct toml_node *k = sets_of(kept); k != NULL; k = k->next)
		if (read_set(k, &s))
			add(all, &s);
	for (size_t i = 0; i < n; i++)
		add_left(all, &left[i]);
	for (size_t i = 0; i < all->n; i++)
		if (*all->v[i].profile != '\0' ||
			codex_same(all->v[i].base, codex_get(config, all->v[i].key)))
			put_set(b, &all->v[i]);
	mem_freep((void *)&all);
}
