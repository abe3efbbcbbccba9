#include "mcp/lang/lang.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "mcp/lang/rules.h"

/* The grammars' own functions; they come without headers of their own. */
const TSLanguage *tree_sitter_c(void);
const TSLanguage *tree_sitter_javascript(void);
const TSLanguage *tree_sitter_typescript(void);
const TSLanguage *tree_sitter_tsx(void);
const TSLanguage *tree_sitter_python(void);

static const struct lang_grammar grammars[LANGS] = {
	[LANG_C] = { tree_sitter_c, lang_rules_c },
	[LANG_JAVASCRIPT] = { tree_sitter_javascript, lang_rules_javascript },
	[LANG_TYPESCRIPT] = { tree_sitter_typescript, lang_rules_javascript },
	[LANG_TSX] = { tree_sitter_tsx, lang_rules_javascript },
	[LANG_PYTHON] = { tree_sitter_python, lang_rules_python },
};

static const char *const lang_names[LANGS] = { "c", "javascript", "typescript", "tsx",
	"python" };

static const char *const kind_names[LANG_KINDS] = { "function", "method", "class",
	"struct", "union", "enum", "interface", "type", "namespace", "macro", "variable",
	"prototype", "field", "constant", "import" };

static const struct {
	const char *end;
	enum lang l;
} ends[] = {
	{ ".c", LANG_C },
	{ ".h", LANG_C },
	{ ".js", LANG_JAVASCRIPT },
	{ ".mjs", LANG_JAVASCRIPT },
	{ ".cjs", LANG_JAVASCRIPT },
	{ ".jsx", LANG_JAVASCRIPT },
	{ ".ts", LANG_TYPESCRIPT },
	{ ".mts", LANG_TYPESCRIPT },
	{ ".cts", LANG_TYPESCRIPT },
	{ ".tsx", LANG_TSX },
	{ ".py", LANG_PYTHON },
	{ ".pyi", LANG_PYTHON },
};

const char *
lang_kind_name(enum lang_kind k)
{
	return kind_names[k];
}

bool
lang_from_name(struct str name, enum lang *l)
{
	for (int i = 0; i < LANGS; i++) {
		if (!str_is(name, lang_names[i]))
			continue;
		*l = (enum lang)i;
		return true;
	}
	return false;
}

bool
lang_kind_from_name(struct str name, enum lang_kind *k)
{
	for (int i = 0; i < LANG_KINDS; i++) {
		if (!str_is(name, kind_names[i]))
			continue;
		*k = (enum lang_kind)i;
		return true;
	}
	return false;
}

bool
lang_of_path(struct str path, enum lang *l)
{
	for (size_t i = 0; i < LEN(ends); i++) {
		const size_t n = strlen(ends[i].end);

		if (path.n <= n || memcmp(path.p + path.n - n, ends[i].end, n) != 0)
			continue;
		*l = ends[i].l;
		return true;
	}
	return false;
}

struct str
lang_text(const struct lang_walk *w, TSNode n)
{
	const uint32_t from = ts_node_start_byte(n);

	return (struct str){ w->text.p + from, ts_node_end_byte(n) - from };
}

TSNode
lang_field(TSNode n, const char *field)
{
	return ts_node_child_by_field_name(n, field, (uint32_t)strlen(field));
}

bool
lang_is(TSNode n, const char *type)
{
	return !ts_node_is_null(n) && strcmp(ts_node_type(n), type) == 0;
}

void
lang_report(struct lang_walk *w, TSNode n, enum lang_kind k, struct str name)
{
	const TSPoint end = ts_node_end_point(n);
	const struct lang_def d = {
		.kind = k,
		.name = name,
		.within = w->at->within,
		.line = w->at->wrap > 0 ? w->at->wrap : ts_node_start_point(n).row + 1,
		/* a node that takes its newline along ends in column 0 of the next line */
		.end_line = end.row + (end.column > 0 || end.row == 0),
	};

	if (name.n == 0)
		return; /* what a broken text left without a name cannot be found by one */
	w->sink->found(w->sink->to, &d);
	w->below.within = name;
}

void
lang_report_field(struct lang_walk *w, TSNode n, enum lang_kind k, const char *field)
{
	const TSNode name = lang_field(n, field);

	if (!ts_node_is_null(name))
		lang_report(w, n, k, lang_text(w, name));
}

void
lang_wrap(struct lang_walk *w, TSNode n)
{
	w->below.wrap = w->at->wrap > 0 ? w->at->wrap : ts_node_start_point(n).row + 1;
}

struct slot {
	const struct lang_rule *rule; /* or NULL */
};

/* For each symbol of the grammar its slot; yours. */
static struct slot *
rules_by_symbol(const struct lang_grammar *g, const TSLanguage *lang)
{
	const uint32_t n = ts_language_symbol_count(lang);
	struct slot *by = mem_alloc(n * sizeof *by);

	for (uint32_t i = 0; i < n; i++) {
		const char *name = ts_language_symbol_name(lang, (TSSymbol)i);

		if (ts_language_symbol_type(lang, (TSSymbol)i) != TSSymbolTypeRegular)
			continue;
		for (const struct lang_rule *r = g->rules; r->type != NULL; r++)
			if (strcmp(r->type, name) == 0)
				by[i].rule = r;
	}
	return by;
}

struct stack {
	struct lang_frame *frame; /* LANG_DEPTH_MAX + 1 */
	struct slot *rules;
	uint32_t symbols;
};

static void
visit(struct lang_walk *w, const struct stack *s, TSNode n, size_t depth)
{
	const TSSymbol symbol = ts_node_symbol(
		n); /* errors have a number past all others */
	const struct lang_rule *r = symbol < s->symbols ? s->rules[symbol].rule : NULL;

	w->at = &s->frame[depth];
	w->below = *w->at;
	w->below.wrap = 0;
	if (r != NULL)
		r->visit(w, n);
	s->frame[depth + 1] = w->below;
}

/* To the next node in document order; false at the end. */
static bool
advance(TSTreeCursor *c, size_t *depth)
{
	if (*depth + 1 < LANG_DEPTH_MAX && ts_tree_cursor_goto_first_child(c)) {
		++*depth;
		return true;
	}
	while (!ts_tree_cursor_goto_next_sibling(c)) {
		if (!ts_tree_cursor_goto_parent(c))
			return false;
		--*depth;
	}
	return true;
}

static void
walk(const struct stack *s, const TSTree *tree, struct str text,
	const struct lang_sink *sink)
{
	struct lang_walk w = { .text = text, .sink = sink };
	TSTreeCursor c = ts_tree_cursor_new(ts_tree_root_node(tree));
	size_t depth = 0;

	do
		visit(&w, s, ts_tree_cursor_current_node(&c), depth);
	while (advance(&c, &depth));
	ts_tree_cursor_delete(&c);
}

static const char *
on_read(void *payload, uint32_t from, TSPoint at, uint32_t *n)
{
	const struct str *text = payload;

	(void)at; /* the byte says it all */
	*n = from < text->n ? (uint32_t)text->n - from : 0;
	return *n > 0 ? text->p + from : "";
}

static bool
on_progress(TSParseState *state)
{
	const int64_t *until = state->payload;

	return clock_mono_us() > *until;
}

static TSTree *
parse(const TSLanguage *lang, struct str text)
{
	int64_t until = clock_mono_us() + LANG_PARSE_US_MAX;
	TSParser *p = ts_parser_new();
	const TSInput input = {
		.payload = &text, .read = on_read, .encoding = TSInputEncodingUTF8
	};
	const TSParseOptions bound = { .payload = &until,
		.progress_callback = on_progress };
	TSTree *tree = NULL;

	if (ts_parser_set_language(p, lang))
		tree = ts_parser_parse_with_options(p, NULL, input, bound);
	ts_parser_delete(p);
	return tree;
}

int
lang_scan(enum lang l, struct str text, const struct lang_sink *sink, bool *has_errors,
	struct err *e)
{
	const struct lang_grammar *g = &grammars[l];
	const TSLanguage *lang = g->language();
	struct stack s = { .symbols = ts_language_symbol_count(lang) };
	TSTree *tree;

	if (text.n > LANG_TEXT_MAX)
		return err_set(e, ERR_DATA, "larger than %d bytes", LANG_TEXT_MAX);
	tree = parse(lang, text);
	if (tree == NULL)
		return err_set(
			e, ERR_DATA, "not parsed within %d ms", LANG_PARSE_US_MAX / 1000);
	if (has_errors != NULL)
		*has_errors = ts_node_has_error(ts_tree_root_node(tree));
	s.frame = mem_alloc((LANG_DEPTH_MAX + 1) * sizeof *s.frame);
	s.rules = rules_by_symbol(g, lang);
	walk(&s, tree, text, sink);
	free(s.frame);
	free(s.rules);
	ts_tree_delete(tree);
	return 0;
}
