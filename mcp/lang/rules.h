#ifndef MCP_LANG_RULES_H
#define MCP_LANG_RULES_H

/*
 * What the languages share, for the files of this folder only. The walk (lang.c) goes over
 * the tree; for each node whose type has a rule, the rule's function reports definitions and
 * says what holds below the node.
 */

#include <tree_sitter/api.h>

#include "mcp/lang/lang.h"

enum lang_scope { SCOPE_MODULE, SCOPE_CLASS, SCOPE_INTERFACE, SCOPE_FUNCTION };

struct lang_frame {
	enum lang_scope scope;
	struct str within;
	/* Line of a decorator or `export` that belongs to the definition right below; 0: none. */
	uint32_t wrap;
};

struct lang_walk {
	struct str text;
	const struct lang_sink *sink;
	const struct lang_frame *at; /* what holds at the node */
	struct lang_frame below;     /* what will hold below it: first the same */
};

struct lang_rule {
	const char *type;
	void (*visit)(struct lang_walk *w, TSNode n);
};

struct lang_grammar {
	const TSLanguage *(*language)(void);
	const struct lang_rule *rules; /* ends with a NULL type */
};

extern const struct lang_rule lang_rules_c[], lang_rules_javascript[],
	lang_rules_python[];

/* Reports n under the name; what lies below has this name around it. */
void lang_report(struct lang_walk *w, TSNode n, enum lang_kind k, struct str name);
/* The same with the name in a field; a node without the field reports nothing. */
void lang_report_field(
	struct lang_walk *w, TSNode n, enum lang_kind k, const char *field);
/* What lies below starts with this node's line. */
void lang_wrap(struct lang_walk *w, TSNode n);

struct str lang_text(const struct lang_walk *w, TSNode n);
TSNode lang_field(TSNode n, const char *field); /* may be the null node */
bool lang_is(TSNode n, const char *type);

#endif
