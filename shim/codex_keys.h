#ifndef SHIM_CODEX_KEYS_H
#define SHIM_CODEX_KEYS_H

/*
 * Which keys of codex's configuration a supervised session may have from the person, and how
 * they are written. For codex*.c and homedir.c only. Pure.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "policy/toml.h"

/*
 * Keys that choose a model, a look, a text or a login. All else could bring tools, servers,
 * hooks, a provider, a sandbox or trust. NULL-terminated.
 */
extern const char *const codex_own_keys[];

/* Names a file, relative to the folder that the configuration is in. */
bool codex_is_path(const char *key);
/* To which the project's instructions are added where codex leaves them out. */
#define CODEX_INSTRUCTIONS "developer_instructions"
/* "tui.theme" is member theme of table tui; NULL: absent, also when config is. */
const struct toml_node *codex_get(const struct toml_node *config, const char *dotted);
/* NULL when it is absent or no string. */
const char *codex_text(const struct toml_node *config, const char *dotted);
/* As TOML on one line. */
void codex_put_value(struct buf *b, const struct toml_node *n);
/* Both absent, or written the same. */
bool codex_same(const struct toml_node *a, const struct toml_node *b);

#endif
