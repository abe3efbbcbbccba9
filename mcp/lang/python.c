#include "mcp/lang/rules.h"

/* Python: functions, classes, methods, and what a module or class assigns. */

enum { PATTERN_DEPTH_MAX = 16 };

static void
on_function(struct lang_walk *w, TSNode n)
{
	lang_report_field(
		w, n, w->at->scope == SCOPE_CLASS ? LANG_METHOD : LANG_FUNCTION, "name");
	w->below.scope = SCOPE_FUNCTION;
}

static void
on_lambda(struct lang_walk *w, TSNode n)
{
	(void)n; /* it has no name; what it holds is not the module's */
	w->below.scope = SCOPE_FUNCTION;
}

static void
on_class(struct lang_walk *w, TSNode n)
{
	lang_report_field(w, n, LANG_CLASS, "name");
	w->below.scope = SCOPE_CLASS;
}

/* a, (b, *c) = ...: each name; an attribute or item is not a new one. */
static void
report_names(struct lang_walk *w, TSNode n, TSNode pattern, int depth)
{
	const uint32_t count = ts_node_named_child_count(pattern);

	if (lang_is(pattern, "identifier"))
		lang_report(w, n,
			w->at->scope == SCOPE_CLASS ? LANG_FIELD : LANG_VARIABLE,
			lang_text(w, pattern));
	else if (depth < PATTERN_DEPTH_MAX &&
		 (lang_is(pattern, "pattern_list") || lang_is(pattern, "tuple_pattern") ||
			 lang_is(pattern, "list_pattern") ||
			 lang_is(pattern, "list_splat_pattern")))
		for (uint32_t i = 0; i < count; i++)
			report_names(w, n, ts_node_named_child(pattern, i), depth + 1);
}

static void
on_assignment(struct lang_walk *w, TSNode n)
{
	const TSNode left = lang_field(n, "left");

	if (w->at->scope == SCOPE_FUNCTION || ts_node_is_null(left))
		return;
	if (lang_is(left, "identifier") && lang_is(lang_field(n, "right"), "lambda")) {
		lang_report(w, n,
			w->at->scope == SCOPE_CLASS ? LANG_METHOD : LANG_FUNCTION,
			lang_text(w, left));
		return;
	}
	report_names(w, n, left, 0);
}

static void
on_type_alias(struct lang_walk *w, TSNode n)
{
	const TSNode left = lang_field(n, "left");
	TSNode name = left;

	if (ts_node_is_null(left))
		return;
	/* type Pair[T] = ...: the name stands before its parameters */
	for (int i = 0; i < PATTERN_DEPTH_MAX && !lang_is(name, "identifier"); i++) {
		if (ts_node_named_child_count(name) == 0)
			break;
		name = ts_node_named_child(name, 0);
	}
	lang_report(w, n, LANG_TYPE, lang_text(w, name));
}

/* import a, b.c as d */
static void
on_import(struct lang_walk *w, TSNode n)
{
	const uint32_t count = ts_node_named_child_count(n);

	for (uint32_t i = 0; i < count; i++) {
		TSNode name = ts_node_named_child(n, i);

		if (lang_is(name, "aliased_import"))
			name = lang_field(name, "name");
		if (lang_is(name, "dotted_name"))
			lang_report(w, n, LANG_IMPORT, lang_text(w, name));
	}
}

static void
on_import_from(struct lang_walk *w, TSNode n)
{
	lang_report_field(w, n, LANG_IMPORT, "module_name");
}

static void
on_future(struct lang_walk *w, TSNode n)
{
	lang_report(w, n, LANG_IMPORT, STR("__future__"));
}

const struct lang_rule lang_rules_python[] = {
	{ "function_definition", on_function },
	{ "lambda", on_lambda },
	{ "class_definition", on_class },
	{ "decorated_definition", lang_wrap },
	{ "assignment", on_assignment },
	{ "type_alias_statement", on_type_alias },
	{ "import_statement", on_import },
	{ "import_from_statement", on_import_from },
	{ "future_import_statement", on_future },
	{ NULL, NULL },
};
