#include "mcp/lang/rules.h"

/*
 * JavaScript, TypeScript and TSX; the grammars give the same names to the same things.
 * A variable, property or field that holds a function counts as that function.
 */

enum { PATTERN_DEPTH_MAX = 16 };

static bool
is_function_value(TSNode n)
{
	return lang_is(n, "arrow_function") || lang_is(n, "function_expression") ||
	       lang_is(n, "generator_function");
}

static struct str
unquoted(struct str s)
{
	if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0]) {
		s = str_skip(s, 1);
		s.n--;
	}
	return s;
}

static void
report_named(struct lang_walk *w, TSNode n, enum lang_kind k, const char *field)
{
	const TSNode name = lang_field(n, field);

	if (!ts_node_is_null(name))
		lang_report(w, n, k, unquoted(lang_text(w, name)));
}

static void
on_function(struct lang_walk *w, TSNode n)
{
	report_named(w, n, LANG_FUNCTION, "name");
	w->below.scope = SCOPE_FUNCTION;
}

static void
on_signature(struct lang_walk *w, TSNode n)
{
	report_named(w, n, LANG_PROTOTYPE, "name");
	w->below.scope = SCOPE_FUNCTION;
}

/* Its name, if any, is that of the variable that holds it. */
static void
on_function_value(struct lang_walk *w, TSNode n)
{
	(void)n; /* the declarator has reported it */
	w->below.scope = SCOPE_FUNCTION;
}

static void
on_class(struct lang_walk *w, TSNode n)
{
	report_named(w, n, LANG_CLASS, "name");
	w->below.scope = SCOPE_CLASS;
}

static void
on_method(struct lang_walk *w, TSNode n)
{
	report_named(w, n, LANG_METHOD, "name");
	w->below.scope = SCOPE_FUNCTION;
}

static void
on_method_signature(struct lang_walk *w, TSNode n)
{
	report_named(w, n, LANG_PROTOTYPE, "name");
}

static void
on_field(struct lang_walk *w, TSNode n)
{
	const bool method = is_function_value(lang_field(n, "value"));

	report_named(w, n, method ? LANG_METHOD : LANG_FIELD,
		ts_node_is_null(lang_field(n, "name")) ? "property" : "name");
}

static void
on_property_signature(struct lang_walk *w, TSNode n)
{
	if (w->at->scope == SCOPE_INTERFACE)
		report_named(w, n, LANG_FIELD, "name");
}

static void
on_interface(struct lang_walk *w, TSNode n)
{
	report_named(w, n, LANG_INTERFACE, "name");
	w->below.scope = SCOPE_INTERFACE;
}

static void
on_type(struct lang_walk *w, TSNode n)
{
	report_named(w, n, LANG_TYPE, "name");
}

static void
on_enum(struct lang_walk *w, TSNode n)
{
	report_named(w, n, LANG_ENUM, "name");
}

static void
on_namespace(struct lang_walk *w, TSNode n)
{
	report_named(w, n, LANG_NAMESPACE, "name");
}

/* const { a, b: [c], ...d } = e: each name that is bound. */
static void
report_pattern(struct lang_walk *w, TSNode n, TSNode pattern, int depth)
{
	const uint32_t count = ts_node_named_child_count(pattern);

	if (lang_is(pattern, "identifier") ||
		lang_is(pattern, "shorthand_property_identifier_pattern")) {
		lang_report(w, n, LANG_VARIABLE, lang_text(w, pattern));
		return;
	}
	if (depth == PATTERN_DEPTH_MAX)
		return;
	if (lang_is(pattern, "pair_pattern"))
		report_pattern(w, n, lang_field(pattern, "value"), depth + 1);
	else if (lang_is(pattern, "assignment_pattern") ||
		 lang_is(pattern, "object_assignment_pattern"))
		report_pattern(w, n, lang_field(pattern, "left"), depth + 1);
	else if (lang_is(pattern, "object_pattern") ||
		 lang_is(pattern, "array_pattern") || lang_is(pattern, "rest_pattern"))
		for (uint32_t i = 0; i < count; i++)
			report_pattern(w, n, ts_node_named_child(pattern, i), depth + 1);
}

static void
on_variable(struct lang_walk *w, TSNode n)
{
	const TSNode name = lang_field(n, "name");
	const TSNode value = lang_field(n, "value");

	if (ts_node_is_null(name))
		return;
	if (is_function_value(value))
		lang_report(w, n, LANG_FUNCTION, lang_text(w, name));
	else if (lang_is(value, "class"))
		lang_report(w, n, LANG_CLASS, lang_text(w, name));
	else if (w->at->scope == SCOPE_MODULE)
		report_pattern(w, n, name, 0);
}

/* exports.f = function () {}, T.prototype.m = () => {} */
static void
on_assignment(struct lang_walk *w, TSNode n)
{
	const TSNode left = lang_field(n, "left");
	const TSNode name = lang_is(left, "member_expression")
				    ? lang_field(left, "property")
				    : left;

	if (is_function_value(lang_field(n, "right")) && !ts_node_is_null(name))
		lang_report(w, n, LANG_FUNCTION, lang_text(w, name));
}

static void
on_pair(struct lang_walk *w, TSNode n)
{
	if (is_function_value(lang_field(n, "value")))
		report_named(w, n, LANG_METHOD, "key");
}

static void
on_export(struct lang_walk *w, TSNode n)
{
	const TSNode value = lang_field(n, "value");

	if (is_function_value(value) || lang_is(value, "class")) {
		const TSNode name = lang_field(value, "name");

		if (ts_node_is_null(name))
			lang_report(w, n,
				lang_is(value, "class") ? LANG_CLASS : LANG_FUNCTION,
				STR("default"));
	}
	lang_wrap(w, n);
}

static void
on_import(struct lang_walk *w, TSNode n)
{
	report_named(w, n, LANG_IMPORT, "source");
}

const struct lang_rule lang_rules_javascript[] = {
	{ "function_declaration", on_function },
	{ "generator_function_declaration", on_function },
	{ "function_signature", on_signature },
	{ "arrow_function", on_function_value },
	{ "function_expression", on_function_value },
	{ "generator_function", on_function_value },
	{ "class_declaration", on_class },
	{ "abstract_class_declaration", on_class },
	{ "class", on_class },
	{ "method_definition", on_method },
	{ "method_signature", on_method_signature },
	{ "abstract_method_signature", on_method_signature },
	{ "public_field_definition", on_field },
	{ "field_definition", on_field },
	{ "property_signature", on_property_signature },
	{ "interface_declaration", on_interface },
	{ "type_alias_declaration", on_type },
	{ "enum_declaration", on_enum },
	{ "internal_module", on_namespace },
	{ "module", on_namespace },
	{ "variable_declarator", on_variable },
	{ "assignment_expression", on_assignment },
	{ "pair", on_pair },
	{ "lexical_declaration", lang_wrap },
	{ "variable_declaration", lang_wrap },
	{ "ambient_declaration", lang_wrap },
	{ "export_statement", on_export },
	{ "import_statement", on_import },
	{ NULL, NULL },
};
