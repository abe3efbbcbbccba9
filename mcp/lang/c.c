#include "mcp/lang/rules.h"

/* C: functions and prototypes, tagged types, typedefs, macros, file-level variables. */

enum { DECLARATORS_MAX = 64 };

struct declared {
	TSNode name;
	bool is_function; /* f(void), but not (*f)(void) */
};

static bool
is_name(TSNode n)
{
	return lang_is(n, "identifier") || lang_is(n, "type_identifier") ||
	       lang_is(n, "field_identifier") || lang_is(n, "primitive_type");
}

/* Pointers, arrays, parameters and parentheses stand around the name in any order. */
static struct declared
unwrap(TSNode n)
{
	struct declared d = { .is_function = false };

	for (int i = 0; i < DECLARATORS_MAX && !ts_node_is_null(n); i++) {
		const bool plain = lang_is(n, "parenthesized_declarator") ||
				   lang_is(n, "attributed_declarator");

		if (is_name(n)) {
			d.name = n;
			return d;
		}
		if (!plain)
			d.is_function = lang_is(n, "function_declarator");
		n = plain ? ts_node_named_child(n, 0) : lang_field(n, "declarator");
	}
	return d;
}

/* A declaration has one declarator for each name. */
static void
report_declared(
	struct lang_walk *w, TSNode n, enum lang_kind of_function, enum lang_kind other)
{
	const uint32_t count = ts_node_child_count(n);

	for (uint32_t i = 0; i < count; i++) {
		const char *field = ts_node_field_name_for_child(n, i);
		struct declared d;

		if (field == NULL || strcmp(field, "declarator") != 0)
			continue;
		d = unwrap(ts_node_child(n, i));
		if (!ts_node_is_null(d.name))
			lang_report(w, n, d.is_function ? of_function : other,
				lang_text(w, d.name));
	}
}

static void
on_function(struct lang_walk *w, TSNode n)
{
	const struct declared d = unwrap(lang_field(n, "declarator"));

	if (!ts_node_is_null(d.name))
		lang_report(w, n, LANG_FUNCTION, lang_text(w, d.name));
}

static void
on_block(struct lang_walk *w, TSNode n)
{
	(void)n; /* what matters is that there is one */
	w->below.scope = SCOPE_FUNCTION;
}

static void
on_declaration(struct lang_walk *w, TSNode n)
{
	const struct str within = w->at->within;

	if (w->at->scope == SCOPE_MODULE)
		report_declared(w, n, LANG_PROTOTYPE, LANG_VARIABLE);
	w->below.within = within; /* a struct in it is not within the variable */
}

static void
on_typedef(struct lang_walk *w, TSNode n)
{
	report_declared(w, n, LANG_TYPE, LANG_TYPE);
}

static void
on_field(struct lang_walk *w, TSNode n)
{
	report_declared(w, n, LANG_FIELD, LANG_FIELD);
}

/* Without a body it is only a use of the name. */
static void
report_tagged(struct lang_walk *w, TSNode n, enum lang_kind k)
{
	if (ts_node_is_null(lang_field(n, "body")))
		return;
	lang_report_field(w, n, k, "name");
}

static void
on_struct(struct lang_walk *w, TSNode n)
{
	report_tagged(w, n, LANG_STRUCT);
}

static void
on_union(struct lang_walk *w, TSNode n)
{
	report_tagged(w, n, LANG_UNION);
}

static void
on_enum(struct lang_walk *w, TSNode n)
{
	report_tagged(w, n, LANG_ENUM);
}

static void
on_enumerator(struct lang_walk *w, TSNode n)
{
	lang_report_field(w, n, LANG_CONSTANT, "name");
}

static void
on_macro(struct lang_walk *w, TSNode n)
{
	lang_report_field(w, n, LANG_MACRO, "name");
}

static void
on_include(struct lang_walk *w, TSNode n)
{
	struct str path = { NULL, 0 };
	const TSNode p = lang_field(n, "path");

	if (ts_node_is_null(p))
		return;
	path = lang_text(w, p);
	if (path.n >= 2 && (path.p[0] == '"' || path.p[0] == '<')) {
		path = str_skip(path, 1);
		path.n--;
	}
	lang_report(w, n, LANG_IMPORT, path);
}

const struct lang_rule lang_rules_c[] = {
	{ "function_definition", on_function },
	{ "compound_statement", on_block },
	{ "declaration", on_declaration },
	{ "type_definition", on_typedef },
	{ "field_declaration", on_field },
	{ "struct_specifier", on_struct },
	{ "union_specifier", on_union },
	{ "enum_specifier", on_enum },
	{ "enumerator", on_enumerator },
	{ "preproc_def", on_macro },
	{ "preproc_function_def", on_macro },
	{ "preproc_include", on_include },
	{ NULL, NULL },
};
