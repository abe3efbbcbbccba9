#include "shim/others.h"

#include "shim/claude_json.h"
#include "shim/claude_person.h"

/*
 * claude gives its servers its own environment, with the login and the way to the gateway; the
 * folders are those of the run, not the person's.
 */
static const char *const unseen[] = { "CLAUDE_CODE_MESSAGING_SOCKET",
	"CLAUDE_CODE_MESSAGING_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN",
	"CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR",
	"CLAUDE_SECURESTORAGE_CONFIG_DIR" };

/* --- one server ---------------------------------------------------------------------- */

static bool
is_texts(const json_t *list)
{
	size_t i;
	json_t *v;

	if (list != NULL && !json_is_array(list))
		return false;
	json_array_foreach(list, i, v)
	{
		if (!json_is_string(v))
			return false;
	}
	return true;
}

static bool
is_text_table(json_t *table)
{
	const char *key;
	json_t *v;

	if (table != NULL && !json_is_object(table))
		return false;
	json_object_foreach(table, key, v)
	{
		if (!json_is_string(v))
			return false;
	}
	return true;
}

/* headersHelper and what later versions bring may run anything, with claude's environment. */
static const char *
unknown_key(json_t *one, const char *const *known)
{
	const char *key;
	json_t *v;

	json_object_foreach(one, key, v)
	{
		if (!plan_is_listed(str_of(key), known))
			return key;
	}
	return NULL;
}

/*
 * "${NAME}" and "${NAME:-default}" as claude fills them in, from the environment that it will
 * have as far as it is the person's. What is no such thing stays.
 */
static void
put_expanded(struct buf *b, const char *text, const struct plan_facts *f)
{
	const char *at;

	while ((at = strstr(text, "${")) != NULL) {
		const char *end = strchr(at, '}');
		CLEANUP(mem_freep) char *name = NULL;
		char *colon;
		const char *value;

		if (end == NULL)
			break;
		buf_put(b, text, (size_t)(at - text));
		name = mem_strdup_str((struct str){ at + 2, (size_t)(end - at - 2) });
		colon = strstr(name, ":-");
		if (colon != NULL)
			*colon = '\0';
		value = plan_env_of(f->env, name);
		if (value == NULL)
			value = colon != NULL ? colon + 2 : "";
		buf_puts(b, value);
		text = end + 1;
	}
	buf_puts(b, text);
}

static bool
leads_below(const json_t *text, const struct plan_facts *f)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(PLAN_FILE_MAX);

	put_expanded(&b, json_string_value(text), f);
	return b.over || others_is_below(buf_text(&b), f->root);
}

static bool
names_project(json_t *one, const struct plan_facts *f)
{
	json_t *args = json_object_get(one, "args");
	json_t *env = json_object_get(one, "env");
	const char *key;
	json_t *v;
	size_t i;

	json_array_foreach(args, i, v)
	{
		if (leads_below(v, f))
			return true;
	}
	json_object_foreach(env, key, v)
	{
		if (leads_below(v, f))
			return true;
	}
	return leads_below(json_object_get(one, "command"), f);
}

/* The agent does without the person's proxies, and such a server need not. */
static void
give_proxies(json_t *env, const struct plan_facts *f)
{
	static const char *const names[] = { "HTTP_PROXY", "http_proxy", "HTTPS_PROXY",
		"https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy" };

	for (size_t i = 0; f->port != 0 && i < LEN(names); i++) {
		const char *value = plan_env_of(f->env, names[i]);
		json_t *text = value == NULL ? NULL : jtext(value);

		if (text != NULL && json_object_get(env, names[i]) == NULL &&
			strstr(value, "${") == NULL)
			jset(env, names[i], text);
		else
			json_decref(text);
	}
}

/* Through env(1), for another folder and without what is not for it. */
static json_t *
local_server(json_t *one, const struct plan_facts *f)
{
	json_t *out = json_deep_copy(one);
	json_t *env = json_object_get(out, "env");
	json_t *args = json_array();

	(void)json_array_append_new(args, jtext("-C"));
	(void)json_array_append_new(args, jtext(others_cwd(f)));
	for (size_t i = 0; i < LEN(unseen); i++) {
		if (json_object_get(env, unseen[i]) != NULL)
			continue; /* the person gives it this one */
		(void)json_array_append_new(args, jtext("-u"));
		(void)json_array_append_new(args, jtext(unseen[i]));
	}
	(void)json_array_append_new(args, jtext("--"));
	(void)json_array_append(args, json_object_get(one, "command"));
	(void)json_array_extend(args, json_object_get(one, "args"));
	if (env == NULL) {
		env = json_object();
		jset(out, "env", env);
	}
	give_proxies(env, f);
	jset(out, "command", jtext("/usr/bin/env"));
	jset(out, "args", args);
	return out;
}

static const char *
local_fault(json_t *one, const struct plan_facts *f)
{
	static const char *const known[] = { "type", "command", "args", "env", "timeout",
		"alwaysLoad", "" };
	const char *command = json_text_of(one, "command");

	if (command == NULL || !is_texts(json_object_get(one, "args")) ||
		!is_text_table(json_object_get(one, "env")))
		return "want command, args and env as a text, texts and a table of texts";
	if (unknown_key(one, known) != NULL)
		return "it has other keys than type, command, args, env, timeout and "
		       "alwaysLoad";
	if (names_project(one, f))
		return OTHERS_BELOW;
	return others_program_fault(command, f->root);
}

static const char *
remote_fault(json_t *one)
{
	static const char *const known[] = { "type", "url", "headers", "oauth", "timeout",
		"alwaysLoad", "" };

	if (json_text_of(one, "url") == NULL ||
		!is_text_table(json_object_get(one, "headers")))
		return "want url and headers as a text and a table of texts";
	return unknown_key(one, known) == NULL
		       ? NULL
		       : "it has other keys than type, url, headers, oauth, timeout and "
			 "alwaysLoad";
}

/* What is no server of a known kind is claude's to complain about, and is not one here. */
static const char *
fault_of(json_t *one, bool *local, const struct plan_facts *f)
{
	const char *type = json_text_of(one, "type");
	CLEANUP(mem_freep) char *text = NULL;

	if (!json_is_object(one))
		return "it is no object";
	text = jdump(one);
	if (strstr(text, "${ANTHROPIC_BASE_URL") != NULL)
		return "it asks for the address of the model, which is not for servers";
	*local = type == NULL || strcmp(type, "stdio") == 0;
	if (*local)
		return local_fault(one, f);
	return strcmp(type, "http") == 0 || strcmp(type, "sse") == 0
		       ? remote_fault(one)
		       : "its type is none of stdio, http and sse";
}

/* --- all of them --------------------------------------------------------------------- */

static bool
has_text(const json_t *list, const char *z)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v)
	{
		if (json_is_string(v) && strcmp(json_string_value(v), z) == 0)
			return true;
	}
	return false;
}

/* What the person set for this project; claude names it by the repository, else by the cwd. */
static json_t *
of_project(json_t *state, const struct plan_facts *f, size_t i)
{
	const char *const dirs[] = { f->git_root, f->root, f->cwd };

	return i < LEN(dirs) && dirs[i] != NULL
		       ? json_object_get(json_object_get(state, "projects"), dirs[i])
		       : NULL;
}

enum { PROJECT_NAMES = 3 };

/* The person's, those for this project first; what is switched off is left out. */
static json_t *
own_servers(json_t *state, const struct plan_facts *f)
{
	json_t *all = json_object();

	for (size_t i = 0; i < PROJECT_NAMES; i++)
		(void)json_object_update_missing(
			all, json_object_get(of_project(state, f, i), "mcpServers"));
	(void)json_object_update_missing(all, json_object_get(state, "mcpServers"));
	for (size_t i = 0; i < PROJECT_NAMES; i++) {
		const json_t *off = json_object_get(
			of_project(state, f, i), "disabledMcpServers");
		const char *name;
		json_t *v;
		void *next;

		json_object_foreach_safe(all, next, name, v)
		{
			if (has_text(off, name))
				(void)json_object_del(all, name);
		}
	}
	return all;
}

/* Two of them could not be told from each other on the wire. */
static bool
is_alone(json_t *all, const struct others_name *n)
{
	const char *name;
	json_t *v;

	json_object_foreach(all, name, v)
	{
		struct others_name other;

		others_name(&other, POL_CLAUDE, name);
		if (strcmp(name, n->own) != 0 && strcmp(other.wire, n->wire) == 0)
			return false;
	}
	return true;
}

json_t *
claude_others(struct words *notes, const struct plan_facts *f, const struct policy *pol)
{
	struct err none = ERR_INIT; /* the person's file is claude's to complain about */
	CLEANUP(json_freep) json_t *state = NULL;
	CLEANUP(json_freep) json_t *all = NULL;
	json_t *out = json_object();
	const char *name;
	json_t *one;

	if (!others_are_wanted(pol, POL_CLAUDE))
		return out; /* the file can be large */
	state = json_parse(str_of(f->state), &none);
	all = own_servers(state, f);
	json_object_foreach(all, name, one)
	{
		struct others_name n;
		const char *fault;
		bool local = false;

		others_name(&n, POL_CLAUDE, name);
		if (!others_is_wanted(pol, POL_CLAUDE, &n))
			continue;
		fault = f->servers_in_project ? OTHERS_BELOW : n.fault;
		if (fault == NULL && !is_alone(all, &n))
			fault = "another one has the same name for the model";
		if (fault == NULL)
			fault = fault_of(one, &local, f);
		if (fault != NULL)
			others_note(notes, POL_CLAUDE, name, fault);
		else
			jset(out, name, local ? local_server(one, f) : json_incref(one));
	}
	return out;
}

/* --- arguments ----------------------------------------------------------------------- */

void
claude_others_allowed(struct buf *b, json_t *others)
{
	const char *name;
	json_t *v;

	json_object_foreach(others, name, v)
	{
		struct others_name n;

		others_name(&n, POL_CLAUDE, name);
		buf_printf(b, ",mcp__%s__*", n.wire);
	}
}

struct denied {
	struct buf *b;
	const char *wire;
};

/* claude knows no "?", and takes other characters for something else. */
static void
on_denied(void *to, const char *tools)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789_-*";
	const struct denied *d = to;

	if (tools[strspn(tools, letters)] == '\0')
		buf_printf(d->b, ",mcp__%s__%s", d->wire, tools);
}

void
claude_others_denied(struct buf *b, json_t *others, const struct policy *pol)
{
	const char *name;
	json_t *v;

	json_object_foreach(others, name, v)
	{
		struct others_name n;
		struct denied d = { b, n.wire };

		others_name(&n, POL_CLAUDE, name);
		pol_denied_tools(pol, POL_CLAUDE, str_of(n.wire), on_denied, &d);
	}
}
