#ifndef SHIM_DOCS_H
#define SHIM_DOCS_H

/*
 * The project's instructions as codex 0.169 finds them (measured): in each folder from the root
 * of the repository to the working directory the first of AGENTS.override.md, AGENTS.md and
 * the names of project_doc_fallback_filenames, together at most project_doc_max_bytes. Links
 * are not followed, since one could send any file of the person's to the model.
 */

#include "base/place_root.h"
#include "policy/toml.h"

enum { DOCS_MAX = 32 << 10 /* codex's own */, DOCS_MOST = 1 << 20, DOCS_LEVELS_MAX = 64 };

/* In codex's own words; config: the person's. Yours, NULL: there are none. */
char *docs_read(const struct place_root *root, const struct toml_node *config);

#endif
