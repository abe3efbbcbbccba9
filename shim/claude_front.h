#ifndef SHIM_CLAUDE_FRONT_H
#define SHIM_CLAUDE_FRONT_H

/*
 * The frontmatter of the Markdown files of claude: commands, skills, agents, output styles
 * and rules (code.claude.com/docs: slash-commands, skills, sub-agents, output-styles, memory).
 *
 * It can start programs (hooks, mcpServers), grant tools (allowed-tools), lift permission
 * checks (permissionMode) and more with each version. So nothing of it is passed on: it is read
 * line by line, and a new one is written that has only the keys of a table, each with a value
 * that this reader understood. claude takes the first block of a file for its frontmatter and
 * no other (measured on 2.1.329), so whatever the rest of the file holds is text. Pure.
 *
 * Read: "key: plain", "key: 'quoted'" or "...", block texts (| and >), lists as [a, b] or one
 * "- item" a line. Anchors, tags, maps and unknown escapes are not: their key is left out.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/words.h"

enum front_kind { FRONT_COMMAND, FRONT_SKILL, FRONT_AGENT, FRONT_STYLE, FRONT_KINDS };

enum {
	FRONT_VALUE_MAX = 8192, /* of one key; a longer one is left out */
	FRONT_LINES_MAX = 512,  /* of a frontmatter; more is text */
	FRONT_ITEMS_MAX = 128   /* of a list; a longer one is left out */
};

/*
 * Adds the frontmatter that the copy of this file gets. False, and nothing added: an agent's
 * list of tools is there but not understood, so that leaving it out would widen the agent.
 */
bool claude_front_put(struct buf *out, enum front_kind kind, struct str text);

/* What follows the frontmatter; all of it when there is none. */
struct str claude_front_body(struct str text);

/* The values of a key: one, or the items of its list; none when it is absent. */
bool claude_front_get(struct str text, const char *key, struct words *values);

#endif
