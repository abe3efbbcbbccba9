#include "policy/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/utf8.h"
#include "policy/argument.h"

int
pol_wrong(const struct pol_file *f, int line, int column, struct err *e, const char *fmt,
	...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap); /* one that is cut still tells */
	va_end(ap);
	return err_set(e, ERR_POLICY, "%s:%d:%d: %s", f->path, line, column, text);
}

const char *
pol_read_label(struct reader *r, enum pol_key_id id)
{
	static const char any[] = ".NAME.";
	char shown[LOG_QUOTED_MAX];
	size_t n;
	const char *name = pol_keys(&n)[id].name;
	const char *hole = strstr(name, any);

	if (r->arg == NULL || (hole == NULL && id != KEY_RULE_ARGS))
		return name;
	if (hole == NULL)
		(void)snprintf(r->label, sizeof r->label, "%s.%s", name,
			log_quoted(str_of(r->arg->key), shown));
	else
		(void)snprintf(r->label, sizeof r->label, "%.*s.%s.%s",
			(int)(hole - name), name, log_quoted(str_of(r->arg->key), shown),
			hole + sizeof any - 1);
	return r->label;
}

static const char *
key_type(enum pol_key_id id)
{
	size_t n;

	return pol_keys(&n)[id].type;
}

int
pol_read_kind(struct reader *r, const struct toml_node *n, enum pol_key_id id)
{
	const char *given = toml_type_name(n->type);

	if (n->type == TOML_BOOL)
		given = n->truth ? "true" : "false";
	return WRONG(r, n, "%s is %s; it must be: %s", pol_read_label(r, id), given,
		key_type(id));
}

bool
pol_is_printable(struct str s)
{
	if (!utf8_is_valid(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		const unsigned char c = (unsigned char)s.p[i];
		const unsigned char d = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;
		const unsigned char t = i + 2 < s.n ? (unsigned char)s.p[i + 2] : 0;

		if (c < ' ' || c == 0x7f || (c == 0xc2 && d < 0xa0))
			return false;
		/* U+2028 to U+202E and U+2066 to U+2069 break lines or turn text around. */
		if (c == 0xe2 && ((d == 0x80 && t >= 0xa8 && t <= 0xae) ||
					 (d == 0x81 && t >= 0xa6 && t <= 0xa9)))
			return false;
	}
	return true;
}

char *
pol_read_text(struct reader *r, const struct toml_node *n, enum pol_key_id id, size_t max)
{
	if (n->type != TOML_STRING)
		(void)pol_read_kind(r, n, id);
	else if (n->text.n == 0)
		(void)WRONG(r, n, "%s is empty; it must be: %s", pol_read_label(r, id),
			key_type(id));
	else if (n->text.n > max)
		(void)WRONG(r, n, "%s has %zu bytes; at most %zu are taken",
			pol_read_label(r, id), n->text.n, max);
	else if (!pol_is_printable(n->text))
		(void)WRONG(r, n,
			"%s has a byte that cannot be shown; write one line of plain "
			"text",
			pol_read_label(r, id));
	else
		return mem_strdup_str(n->text);
	return NULL;
}

int
pol_read_count(struct reader *r, const struct toml_node *n, enum pol_key_id id,
	size_t max, size_t *count)
{
	*count = 0;
	if (n->type != TOML_ARRAY)
		return pol_read_kind(r, n, id);
	for (const struct toml_node *c = n->child; c != NULL; c = c->next)
		(*count)++;
	if (*count > max)
		return WRONG(r, n, "%s has %zu entries; at most %zu are taken",
			pol_read_label(r, id), *count, max);
	return 0;
}

int
pol_read_word(struct reader *r, const struct toml_node *n, enum pol_key_id id,
	const struct pol_word *words, int *value)
{
	const char *names[POL_WORDS_MAX];
	CLEANUP(mem_freep) char *word = NULL;
	char shown[LOG_QUOTED_MAX];
	const char *near;
	size_t count = 0;

	if (n->type != TOML_STRING)
		return pol_read_kind(r, n, id);
	for (; words[count].name != NULL; count++) {
		names[count] = words[count].name;
		*value = words[count].value;
		if (str_is(n->text, names[count]))
			return 0;
	}
	word = mem_strdup_str(n->text);
	near = pol_nearest(word, names, count);
	(void)log_quoted(n->text, shown);
	if (near != NULL)
		return WRONG(r, n, "%s is \"%s\"; did you mean \"%s\"?",
			pol_read_label(r, id), shown, near);
	return WRONG(r, n, "%s is \"%s\"; it must be: %s", pol_read_label(r, id), shown,
		key_type(id));
}

int
pol_read_texts(struct reader *r, const struct toml_node *n, enum pol_key_id id,
	size_t max, char ***to)
{
	size_t count;

	if (pol_read_count(r, n, id, max, &count) < 0)
		return -1;
	if (count == 0)
		return WRONG(r, n, "%s is empty and would match nothing; it must be: %s",
			pol_read_label(r, id), key_type(id));
	*to = mem_alloc((count + 1) * sizeof **to);
	count = 0;
	for (const struct toml_node *c = n->child; c != NULL; c = c->next) {
		(*to)[count] = pol_read_text(r, c, id, POL_NAME_MAX);
		if ((*to)[count++] == NULL)
			return -1;
	}
	return 0;
}

void
pol_texts_free(char **texts)
{
	for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
		free(texts[i]);
	free(texts);
}

static bool
has_dot_dot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")) != NULL; p += 2)
		if ((p == path || p[-1] == '/') && (p[2] == '\0' || p[2] == '/'))
			return true;
	return false;
}

char *
pol_path_tidy(const char *path, const char **why)
{
	char room[POL_TEXT_MAX + 1];
	struct str got;

	*why = NULL;
	if (path[0] == '~')
		*why = "whose home is meant is not known here; write the whole path";
	else if (has_dot_dot(path))
		*why = "where \"..\" leads depends on links; write the path without it";
	else if (!arg_normal_path(str_of(path), room, sizeof room, &got))
		*why = "it is too long; write a shorter one";
	if (*why != NULL)
		return NULL;
	if (got.n == 0)
		return mem_strdup(path[0] == '/' ? "/" : ".");
	return mem_strdup_str(got);
}
