#include "policy/policy.h"

#include <stdlib.h>

#include "base/buf.h"
#include "policy/layers.h"
#include "policy/record.h"
#include "policy/ruleset.h"

static int
add_text(struct policy *p, const struct pol_text *t, struct err *e)
{
	const struct pol_file *managed = p->file[POL_MANAGED];

	if (t->layer == POL_BUILT_IN || t->layer >= POL_LAYERS ||
		p->file[t->layer] != NULL)
		return err_set(e, ERR_POLICY, "%s: two files of one layer", t->path);
	p->file[t->layer] = pol_file_read(
		t->layer, t->path, t->text, managed != NULL && managed->v.lock, e);
	return p->file[t->layer] == NULL ? -1 : 0;
}

static void
set_digest(struct policy *p)
{
	CLEANUP(buf_fini) struct buf bundle = BUF_INIT(POL_BUNDLE_MAX);

	pol_bundle(p, &bundle);
	rec_sha256(buf_str(&bundle), p->digest);
}

struct policy *
pol_of_texts(const struct pol_text *t, size_t n, const char *root, struct err *e)
{
	CLEANUP(pol_freep) struct policy *p = mem_alloc(sizeof *p);
	struct policy *got;

	p->root = root == NULL ? NULL : mem_strdup(root);
	for (size_t i = 0; i < n; i++)
		if (add_text(p, &t[i], e) < 0)
			return NULL;
	pol_merge(p);
	set_digest(p);
	got = p;
	p = NULL;
	return got;
}

struct policy *
pol_parse(struct str text, const char *name, struct err *e)
{
	const struct pol_text one = { .layer = POL_USER, .path = name, .text = text };

	return pol_of_texts(&one, 1, NULL, e);
}

struct policy *
pol_default(void)
{
	struct err none = ERR_INIT; /* of no text there is nothing wrong */

	return pol_of_texts(NULL, 0, NULL, &none);
}

void
pol_free(struct policy *p)
{
	if (p == NULL)
		return;
	for (int l = 0; l < POL_LAYERS; l++)
		pol_file_free(p->file[l]);
	pol_values_fini(&p->v);
	free((void *)p->native_names);
	free((void *)p->servers);
	free((void *)p->read_only);
	free((void *)p->writable);
	free((void *)p->subcommands);
	free(p->root);
	free(p);
}

void
pol_freep(struct policy **p)
{
	pol_free(*p);
	*p = NULL;
}

size_t
pol_texts(const struct policy *p, struct pol_text out[POL_LAYERS])
{
	size_t n = 0;

	for (int l = 0; l < POL_LAYERS; l++)
		if (p->file[l] != NULL)
			out[n++] = (struct pol_text){ .layer = (enum pol_layer)l,
				.path = p->file[l]->path,
				.text = p->file[l]->text };
	return n;
}

const char *
pol_root(const struct policy *p)
{
	return p->root;
}

const char *
pol_path(const struct policy *p, enum pol_layer l)
{
	return p->file[l] == NULL ? NULL : p->file[l]->path;
}

const char *
pol_digest(const struct policy *p)
{
	return p->digest;
}

bool
pol_native_default_allows(const struct policy *p, enum pol_agent a)
{
	/* a name that no tool has and no list names: only a pattern or the default is left */
	const struct pol_use u = { .agent = a, .tool = STR("\x01"), .asking = POL_OFFER };

	return pol_decide(p, &u).verdict <= POL_AUDITED;
}

size_t
pol_native_names(const struct policy *p, const char *const **names)
{
	*names = p->native_names;
	return p->nnative_names;
}

enum pol_mode
pol_mode_of(const struct policy *p, enum pol_agent a)
{
	return p->v.mode[a];
}

const char *
pol_upstream(const struct policy *p, enum pol_provider to)
{
	return p->v.upstream[to];
}

enum pol_react
pol_on_definition(const struct policy *p)
{
	return p->v.definition;
}

enum pol_react
pol_on_history(const struct policy *p)
{
	return p->v.history;
}

enum pol_react
pol_on_call(const struct policy *p)
{
	return p->v.call;
}

enum pol_react
pol_on_unknown(const struct policy *p)
{
	return p->v.unknown;
}

const struct pol_log *
pol_log_of(const struct policy *p)
{
	return &p->v.log;
}

const struct pol_limits *
pol_limits_of(const struct policy *p)
{
	return &p->v.limits;
}

size_t
pol_read_only(const struct policy *p, const char *const **paths)
{
	*paths = p->read_only;
	return p->nread_only;
}

size_t
pol_writable(const struct policy *p, const char *const **paths)
{
	*paths = p->writable;
	return p->nwritable;
}

bool
pol_passes_subcommand(const struct policy *p, enum pol_agent a, const char *word)
{
	const struct str agent = str_of(pol_agent_name(a));

	for (size_t i = 0; i < p->nsubcommands; i++) {
		const struct str s = str_of(p->subcommands[i]);

		if (str_starts(s, agent) && s.p[agent.n] == ' ' &&
			str_is(str_skip(s, agent.n + 1), word))
			return true;
	}
	return false;
}

bool
pol_websocket(const struct policy *p)
{
	return p->v.websocket;
}

int
pol_linger_seconds(const struct policy *p)
{
	return p->v.linger_seconds;
}

bool
pol_requires_helper(const struct policy *p)
{
	return p->v.require_helper;
}

enum pol_mode
pol_handshake_of(const struct policy *p, enum pol_agent a)
{
	return p->v.handshake ? pol_mode_of(p, a) : POL_OFF;
}

enum pol_want
pol_codex_requirements(const struct policy *p)
{
	return p->v.codex_requirements;
}

enum pol_mode
pol_witness_of(const struct policy *p, enum pol_agent a)
{
	return p->v.witness ? pol_mode_of(p, a) : POL_OFF;
}
