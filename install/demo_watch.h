#ifndef INSTALL_DEMO_WATCH_H
#define INSTALL_DEMO_WATCH_H

/* What was really observed: in the provider's log, in the decision log, on disk. */

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

/* The objects of a JSON-lines file behind its first `skip` lines; new reference. */
json_t *watch_lines(const char *file, size_t skip, struct err *e);
size_t watch_count(const char *file); /* lines now; 0 when the file is not there */

/* Tool names of the first request that asked the model for a turn; borrowed, may be NULL. */
const json_t *watch_tools(const json_t *requests);
/* True when there is at least one tool and all are pando_core's or pando_workspace's. */
bool watch_only_pando(const json_t *tools);
/* True when text stands in some tool result that the provider was sent. */
bool watch_result_has(const json_t *requests, const char *text);

/* The first decision with this event and tool (tool may be NULL); borrowed. */
const json_t *watch_decision(const json_t *lines, const char *event, const char *tool);

bool watch_exists(const char *dir, const char *name);
bool watch_file_is(const char *dir, const char *name, const char *text);

#endif
