#include "shim/others.h"

#include "shim/codex_keys.h"

/* Of 0.169.0; what is not among them is not understood here, and the server stays away. */
static const char *const known[] = { "args", "bearer_token_env_var", "command", "cwd",
	"default_tools_approval_mode", "disabled_tools", "enabled", "enabled_tools",
	"env", "env_http_headers", "env_vars", "http_headers", "name", "oauth",
	"oauth_resource", "required", "scopes", "startup_timeout_ms",
	"startup_timeout_sec", "supports_parallel_tool_calls", "tool_timeout_sec",
	"tools", "url", "" };

static bool
is_off(const struct toml_node *one)
{
	const struct toml_node *enabled = toml_get(one, "enabled");

	return enabled != NULL && enabled->type == TOML_BOOL && !enabled->truth;
}

static bool
names_below(const struct toml_node *n, const char *root)
{
	if (n == NULL)
		return false;
	if (n->type == TOML_STRING && others_is_below(n->text.p, root))
		return true;
	for (const struct toml_node *c = n->child; c != NULL; c = c->next)
		if (names_below(c, root))
			return true;
	return false;
}

/* A folder of the person's choice, which is not the project's. */
static bool
is_good_cwd(const struct toml_node *one, const char *root)
{
	const struct toml_node *cwd = toml_get(one, "cwd");
	const size_t n = strlen(root);

	if (cwd == NULL)
		return true;
	return cwd->type == TOML_STRING && cwd->text.p[0] == '/' &&
	       strstr(cwd->text.p, "/..") == NULL &&
	       (strncmp(cwd->text.p, root, n) != 0 ||
		       (cwd->text.p[n] != '/' && cwd->text.p[n] != '\0'));
}

static const char *
fault_of(const struct toml_node *one, const char *root)
{
	const char *command = codex_text(one, "command");

	for (const struct toml_node *c = one->child; c != NULL; c = c->next)
		if (!plan_is_listed(str_of(c->key), known))
			return "it has a key that pando-ai does not know";
	if ((command == NULL) == (codex_text(one, "url") == NULL))
		return "want either a command or a url";
	if (!is_good_cwd(one, root) || names_below(toml_get(one, "args"), root) ||
		names_below(toml_get(one, "env"), root))
		return OTHERS_BELOW;
	return command == NULL ? NULL : others_program_fault(command, root);
}

static bool
is_alone(const struct toml_node *all, const struct others_name *n)
{
	for (const struct toml_node *c = all->child; c != NULL; c = c->next) {
		struct others_name other;

		others_name(&other, POL_CODEX, c->key);
		if (strcmp(c->key, n->own) != 0 && strcmp(other.wire, n->wire) == 0)
			return false;
	}
	return true;
}

/*
 * The next one from c on that is connected. Without a gateway there is none: codex has no hook
 * of ours, so nobody would decide what it calls of them.
 */
static const struct toml_node *
next_one(const struct toml_node *c, const struct toml_node *all, struct words *notes,
	const struct plan_facts *f, const struct policy *pol)
{
	for (; c != NULL; c = c->next) {
		struct others_name n;
		const char *fault;

		others_name(&n, POL_CODEX, c->key);
		if (c->type != TOML_TABLE || is_off(c) ||
			!others_is_wanted(pol, POL_CODEX, &n))
			continue;
		fault = f->port == 0 ? "without the gateway nobody would decide its calls"
			: f->servers_in_project ? OTHERS_BELOW
						: n.fault;
		if (fault == NULL && strpbrk(c->key, ". ") != NULL)
			fault = "its name has other characters than letters, digits, _ and -";
		if (fault == NULL && !is_alone(all, &n))
			fault = "another one has the same name for the model";
		if (fault == NULL)
			fault = fault_of(c, f->root);
		if (fault == NULL)
			return c;
		if (notes != NULL)
			others_note(notes, POL_CODEX, c->key, fault);
	}
	return NULL;
}

static const struct toml_node *
table_of(const struct plan_facts *f)
{
	const struct toml_node *all = codex_get(f->config, "mcp_servers");

	return all != NULL && all->type == TOML_TABLE ? all : NULL;
}

struct denied {
	struct buf *b;
	bool any;
};

/* codex has no patterns here. */
static void
on_denied(void *to, const char *tools)
{
	struct denied *d = to;

	if (strpbrk(tools, "*?") != NULL)
		return;
	if (d->any)
		buf_putc(d->b, ',');
	buf_put_json(d->b, str_of(tools));
	d->any = true;
}

static void
put_denied(struct buf *b, const struct toml_node *one, const struct policy *pol)
{
	const struct toml_node *own = toml_get(one, "disabled_tools");
	struct denied d = { b, false };
	struct others_name n;

	others_name(&n, POL_CODEX, one->key);
	buf_puts(b, "disabled_tools=[");
	for (const struct toml_node *c = own == NULL ? NULL : own->child; c != NULL;
		c = c->next)
		if (c->type == TOML_STRING)
			on_denied(&d, c->text.p);
	pol_denied_tools(pol, POL_CODEX, str_of(n.wire), on_denied, &d);
	buf_putc(b, ']');
}

static void
put_one(struct buf *b, const struct toml_node *one, const struct plan_facts *f,
	const struct policy *pol)
{
	buf_printf(b, "mcp_servers.%s = {", one->key);
	for (const struct toml_node *c = one->child; c != NULL; c = c->next) {
		if (strcmp(c->key, "disabled_tools") == 0)
			continue;
		buf_printf(b, "%s=", c->key);
		codex_put_value(b, c);
		buf_putc(b, ',');
	}
	/* else exec refuses all that is not read-only: the gateway has decided */
	if (toml_get(one, "default_tools_approval_mode") == NULL)
		buf_puts(b, "default_tools_approval_mode=\"approve\",");
	if (toml_get(one, "command") != NULL && toml_get(one, "cwd") == NULL) {
		buf_puts(b, "cwd=");
		buf_put_json(b, str_of(others_cwd(f)));
		buf_putc(b, ',');
	}
	put_denied(b, one, pol);
	buf_puts(b, "}\n");
}

void
codex_others(struct buf *b, struct words *notes, const struct plan_facts *f,
	const struct policy *pol)
{
	const struct toml_node *all = table_of(f);
	const struct toml_node *c = all == NULL ? NULL : all->child;

	while ((c = next_one(c, all, notes, f, pol)) != NULL) {
		put_one(b, c, f, pol);
		c = c->next;
	}
}

void
codex_others_identity(struct buf *b, const struct plan_facts *f, const struct policy *pol)
{
	const struct toml_node *all = table_of(f);
	const struct toml_node *c = all == NULL ? NULL : all->child;

	while ((c = next_one(c, all, NULL, f, pol)) != NULL) {
		const char *command = codex_text(c, "command");

		buf_printf(b, "[mcp_servers.%s.identity]\n%s = ", c->key,
			command != NULL ? "command" : "url");
		buf_put_json(b, str_of(command != NULL ? command : codex_text(c, "url")));
		buf_putc(b, '\n');
		c = c->next;
	}
}
