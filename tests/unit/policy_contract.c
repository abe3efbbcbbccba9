/*
 * The table of keys, policy.example.toml and man/policy.toml.5 say the same, key by key: this
 * holds them together.
 */

#include "tests/unit/policy_file.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/path.h"
#include "policy/keys.h"

enum { PAGE_MAX = 1 << 18, LINE_MAX_BYTES = 512 };

static struct buf example = BUF_INIT(PAGE_MAX);
static struct buf page = BUF_INIT(PAGE_MAX);

static void
read_text(const char *path, struct buf *to)
{
	struct err e = ERR_INIT;

	ok_int(path_read(path, to, &e), 0, path);
	ok_str(e.text, "", path);
	(void)buf_text(to);
}

/* "rule.args.NAME.glob" is "glob" of "rule.args.NAME". */
static const char *
last_of(const char *key, char section[LINE_MAX_BYTES])
{
	const char *dot = strrchr(key, '.');

	(void)snprintf(
		section, LINE_MAX_BYTES, "%.*s", dot == NULL ? 0 : (int)(dot - key), key);
	return dot == NULL ? key : dot + 1;
}

/* From the heading's line to the next heading; p NULL: there is no such heading. */
static struct str
part_of(const struct buf *text, const char *heading, const char *next)
{
	const char *at = text->p == NULL ? NULL : strstr(text->p, heading);
	const char *end;

	if (at == NULL)
		return (struct str){ NULL, 0 };
	end = strstr(at + strlen(heading), next);
	return (struct str){ at, end == NULL ? strlen(at) : (size_t)(end - at) };
}

/* How often a line of the part begins with these words, and ends there or goes on with a space. */
static int
lines_with(struct str part, const char *begin)
{
	const size_t n = strlen(begin);
	int count = 0;

	for (size_t i = 0; i + n < part.n; i++)
		if (part.p[i] == '\n' && strncmp(part.p + i + 1, begin, n) == 0 &&
			(part.p[i + 1 + n] == ' ' || part.p[i + 1 + n] == '\n'))
			count++;
	return count;
}

/* Where the page explains the keys of a section. */
static struct str
page_part(const char *section)
{
	char heading[LINE_MAX_BYTES];

	if (section[0] == '\0')
		(void)snprintf(heading, sizeof heading, ".Ss Top level\n");
	else if (strcmp(section, "rule.args.NAME") == 0)
		(void)snprintf(heading, sizeof heading, ".Ss Matchers\n");
	else if (strcmp(section, "rule") == 0)
		(void)snprintf(heading, sizeof heading, ".Ss [[rule]]\n");
	else if (strcmp(section, "price") == 0)
		(void)snprintf(heading, sizeof heading, ".Ss [[price]]\n");
	else
		(void)snprintf(heading, sizeof heading, ".Ss [%.*s]\n",
			(int)strcspn(section, "."), section);
	return part_of(&page, heading, "\n.S");
}

static void
the_page_explains_each_key_once(void)
{
	size_t n;
	const struct pol_key *keys = pol_keys(&n);

	for (size_t i = 0; i < n; i++) {
		char section[LINE_MAX_BYTES], item[LINE_MAX_BYTES];
		const char *last = last_of(keys[i].name, section);
		const char *value = keys[i].value;
		const size_t quoted = value != NULL && value[0] == '"';

		(void)snprintf(item, sizeof item, ".It Cm %s", last);
		if (value != NULL)
			(void)snprintf(item, sizeof item, ".It Cm %s No = %s%.*s", last,
				quoted ? "Qq " : "", (int)(strlen(value) - 2 * quoted),
				value + quoted);
		ok_int(lines_with(page_part(section), item), 1, keys[i].name);
	}
}

static void
the_page_explains_no_other_key(void)
{
	size_t n;
	size_t items = 0;

	(void)pol_keys(&n);
	for (const char *at = page.p; (at = strstr(at, "\n.It Cm ")) != NULL; at++)
		items++;
	ok_int(items, n, "items of the page");
}

static void
the_example_has_each_key(void)
{
	size_t n;
	const struct pol_key *keys = pol_keys(&n);

	for (size_t i = 0; i < n; i++) {
		char section[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
		const char *last = last_of(keys[i].name, section);
		struct str part = buf_str(&example);

		if (keys[i].value == NULL) {
			(void)snprintf(line, sizeof line, "%s%s", last,
				strcmp(last, "args") == 0 ? "." : " = ");
			ok(strstr(example.p, line) != NULL, keys[i].name);
			continue;
		}
		if (section[0] != '\0') {
			CLEANUP(mem_freep)
			char *heading = mem_printf("\n[%s]\n", section);

			part = part_of(&example, heading, "\n[");
		}
		(void)snprintf(line, sizeof line, "#%s = %s", last, keys[i].value);
		ok_int(lines_with(part, line), 1, keys[i].name);
	}
}

/* "#key = ..." is a key that is commented out, "# words" is a comment. */
static char *
uncommented(void)
{
	struct buf out = BUF_INIT(PAGE_MAX);

	for (size_t i = 0; i < example.n; i++) {
		const bool begins = i == 0 || example.p[i - 1] == '\n';

		if (!begins || example.p[i] != '#' || example.p[i + 1] == ' ')
			buf_putc(&out, example.p[i]);
	}
	return buf_take(&out);
}

static void
the_example_loads(void)
{
	CLEANUP(mem_freep) char *all = uncommented();
	struct err e = ERR_INIT;

	for (int l = POL_MANAGED; l < POL_LAYERS; l++) {
		pol_free(load((enum pol_layer)l, NULL, example.p, &e));
		ok_str(e.text, "", pol_layer_name((enum pol_layer)l));
	}
	pol_free(load(POL_MANAGED, NULL, all, &e));
	ok_str(e.text, "", "with all comments taken away");
}

struct defaults {
	size_t seen;
};

static void
on_shown(void *to, const struct pol_shown *s)
{
	struct defaults *d = to;
	size_t n;
	const struct pol_key *keys = pol_keys(&n);
	size_t i = 0;

	while (i < n && strcmp(keys[i].name, s->key) != 0)
		i++;
	ok(i < n, s->key);
	if (i == n)
		return;
	d->seen++;
	ok_str(s->value, keys[i].value, s->key);
	ok_str(s->file, "built-in", s->key);
	ok_int(s->line, 0, s->key);
}

/* What holds without a file is what the table of keys calls the default. */
static void
defaults_are_what_holds(void)
{
	struct policy *p = pol_default();
	struct defaults d = { 0 };
	size_t n;
	const struct pol_key *keys = pol_keys(&n);
	size_t want = 0;

	for (size_t i = 0; i < n; i++)
		want += keys[i].value != NULL && strcmp(keys[i].value, "[]") != 0;
	pol_show(p, on_shown, &d);
	ok_int(d.seen, want, "settings that are shown");
	pol_free(p);
}

static void
each_setting_has_a_place_of_its_own(void)
{
	for (int i = 0; i < POL_SETTINGS; i++) {
		const enum pol_setting s = (enum pol_setting)i;
		const struct pol_setting_row *row = pol_setting(s);
		const int64_t large = row->max > INT32_MAX ? row->max : INT32_MAX;
		struct pol_values v = { .lock = false };

		pol_value_set(&v, s, 1);
		for (int k = 0; k < POL_SETTINGS; k++)
			ok_int(pol_value(&v, (enum pol_setting)k),
				k == i && row->kind != POL_IS_URL, "only this one");
		pol_value_set(&v, s, 0);
		ok_int(pol_value(&v, s), 0, "and back");
		pol_value_set(&v, s, large);
		ok(row->max == 0 || pol_value(&v, s) == large, "it has room");
	}
}

int
main(void)
{
	read_text("policy.example.toml", &example);
	read_text("man/policy.toml.5", &page);
	if (example.p == NULL || page.p == NULL)
		return test_done();
	the_page_explains_each_key_once();
	the_page_explains_no_other_key();
	the_example_has_each_key();
	the_example_loads();
	defaults_are_what_holds();
	each_setting_has_a_place_of_its_own();
	buf_fini(&example);
	buf_fini(&page);
	return test_done();
}
