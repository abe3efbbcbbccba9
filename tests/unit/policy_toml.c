#include "tests/unit/test.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/path.h"
#include "policy/policy.h"
#include "policy/toml.h"

static const char sample[] = "# comment\n"
			     "title = \"a\\u00e9\\n\"\n"
			     "[table]\n"
			     "n = 42\n"
			     "list = [1, \"two\", true, 2.5]\n"
			     "\"quoted key\" = false\n"
			     "[[rule]]\n"
			     "id = 'x'\n"
			     "[[rule]]\n"
			     "id = 'y'\n";

static void
values_keep_type_order_and_place(void)
{
	struct err e = ERR_INIT;
	struct toml_node *root = toml_parse(str_of(sample), "f", &e);
	const struct toml_node *table, *list, *rule;

	ok(root != NULL, "the sample parses");
	if (root == NULL)
		return;
	ok_bytes(
		toml_get(root, "title")->text, STR("a\xc3\xa9\n"), "escapes are decoded");
	ok_int(toml_get(root, "title")->line, 2, "line of a key");
	ok_int(toml_get(root, "title")->column, 1, "column of a key");
	table = toml_get(root, "table");
	ok_int(toml_get(table, "n")->integer, 42, "integer");
	list = toml_get(table, "list")->child;
	ok_int(list->type, TOML_INT, "first member");
	ok_int(list->column, 9, "column of a value in an array");
	ok_bytes(list->next->text, STR("two"), "second member");
	ok_int(list->next->next->truth, 1, "third member");
	ok_int(list->next->next->next->number * 10, 25, "fourth member");
	ok(toml_get(table, "quoted key") != NULL, "quoted key");
	rule = toml_get(root, "rule")->child;
	ok_bytes(toml_get(rule, "id")->text, STR("x"), "first of an array of tables");
	ok_bytes(toml_get(rule->next, "id")->text, STR("y"),
		"second of an array of tables");
	ok(toml_get(root, "none") == NULL, "an absent key");
	toml_free(root);
}

static void
bad_text_is_refused_with_its_place(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "a = 1\na = 2\n", "f:2:5: " },
		{ "a = \n", "f:1:5: " },
		{ "a = 1979-05-27\n", "f:1:5: dates" },
		{ "\xff = 1\n", "f:1:" },
		{ "[a\n", "f:1:" },
		{ "a = 1\n\n[=x]\nb = 2\n", "f:3:1: this is not TOML" },
		{ "[=", "f:1:1: this is not TOML" },
		{ "\"a\\u0000b\" = 1\n", "f:1:" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct err e = ERR_INIT;
		struct toml_node *root = toml_parse(str_of(rows[i].text), "f", &e);

		ok(root == NULL, rows[i].text);
		ok_int(e.code, ERR_POLICY, rows[i].text);
		ok_bytes(((struct str){ e.text, strlen(rows[i].want) }),
			str_of(rows[i].want), rows[i].text);
		toml_free(root);
	}
}

static void
nesting_has_an_end(void)
{
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "a = ");
	for (int i = 0; i < TOML_DEPTH_MAX + 4; i++)
		buf_putc(&b, '[');
	for (int i = 0; i < TOML_DEPTH_MAX + 4; i++)
		buf_putc(&b, ']');
	ok(toml_parse(buf_str(&b), "f", &e) == NULL, "deep nesting is refused");
	buf_fini(&b);
}

/* Of each part the parser makes a table, and of very many a crash. */
static void
keys_have_an_end(void)
{
	static const struct {
		const char *before, *part, *behind;
		int n;
		bool good;
	} rows[] = {
		{ "", "a.", "a = 1\n", 10, true },
		{ "", "a.", "a = 1\n", 300000, false },
		{ "\n[", "\"x\" . ", "'y']\n", 100000, false },
		{ "[[", "a.", "a]]\n", 300000, false },
		{ "a = { b = { c", ".'\"'", " = 1 } }\n", 200000, false },
		{ "# ''' \"\"\"\na", ".a", " = 1\n", 300000, false },
		{ "x = '''\n''''\ny = \"\"\"\\\"\"\"\"\"\na", ".a", " = 1\n", 300000,
			false },
		{ "a = \"", "x.", "\"\n", 300000, true },
		{ "a = '''", "x.\n", "'''\n", 300000, true },
		{ "a = \"\"\"\\\"\"\"\"", "", "\n", 1, true },
		{ "# ", "x.", "\n", 300000, true },
		{ "a = [", "'x.y', ", "]\n", 10000, true },
		{ "a = [", "1.5, ", "]\n", 10000, true },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct err e = ERR_INIT;
		struct buf b = BUF_INIT(TOML_TEXT_MAX);
		struct toml_node *root;

		buf_puts(&b, rows[i].before);
		for (int k = 0; k < rows[i].n; k++)
			buf_puts(&b, rows[i].part);
		buf_puts(&b, rows[i].behind);
		root = toml_parse(buf_str(&b), "f", &e);
		ok_int(root != NULL, rows[i].good, rows[i].before);
		ok_int(strstr(e.text, "too many parts") != NULL, !rows[i].good, e.text);
		toml_free(root);
		buf_fini(&b);
	}
}

static void
every_prefix_parses_or_says_why(void)
{
	for (size_t n = 0; n < sizeof sample; n++) {
		struct err e = ERR_INIT;
		struct toml_node *root = toml_parse((struct str){ sample, n }, "f", &e);

		ok(root != NULL || e.code == ERR_POLICY, "prefix");
		toml_free(root);
	}
}

/* "p:12:3: " and words behind it. */
static bool
has_place(const char *text)
{
	if (strncmp(text, "p:", 2) != 0 || !isdigit((unsigned char)text[2]))
		return false;
	text += 2 + strspn(text + 2, "0123456789");
	if (*text != ':' || !isdigit((unsigned char)text[1]))
		return false;
	text += 1 + strspn(text + 1, "0123456789");
	return strncmp(text, ": ", 2) == 0 && text[2] != '\0';
}

static void
check_prefixes(struct str text, const char *what)
{
	size_t good = 0;

	for (size_t n = 0; n <= text.n; n++) {
		struct err e = ERR_INIT;
		struct policy *p = pol_parse((struct str){ text.p, n }, "p", &e);

		good += p != NULL;
		ok(p != NULL || (e.code == ERR_POLICY && has_place(e.text)), e.text);
		pol_free(p);
	}
	ok(good > 1, what);
}

/* The example as it stands, and with every key in it; then a file with all that there is. */
static void
every_prefix_of_a_policy_loads_or_has_its_place(void)
{
	static const char *const files[] = { "policy.example.toml",
		"tests/fuzz/corpus/policy_toml/all-features" };

	for (size_t i = 0; i < LEN(files); i++) {
		struct buf text = BUF_INIT(1 << 16);
		struct buf bare = BUF_INIT(1 << 16);
		struct err e = ERR_INIT;

		ok_int(path_read(files[i], &text, &e), 0, files[i]);
		(void)buf_text(&text);
		check_prefixes(buf_str(&text), files[i]);
		for (size_t k = 0; k < text.n; k++)
			if (text.p[k] != '#' || text.p[k + 1] == ' ')
				buf_putc(&bare, text.p[k]);
		check_prefixes(buf_str(&bare), files[i]);
		buf_fini(&text);
		buf_fini(&bare);
	}
}

int
main(void)
{
	every_prefix_of_a_policy_loads_or_has_its_place();
	values_keep_type_order_and_place();
	bad_text_is_refused_with_its_place();
	nesting_has_an_end();
	keys_have_an_end();
	every_prefix_parses_or_says_why();
	return test_done();
}
