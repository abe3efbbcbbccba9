#include "shim/plan.h"

#include <stdlib.h>

enum { PLAN_FILES_FEW = 8 }; /* of an agent without files of the person's */

void
plan_fini(struct plan *p)
{
	words_fini(&p->argv);
	words_fini(&p->env);
	for (size_t i = 0; i < p->nfiles; i++) {
		mem_freep((void *)&p->file[i].name);
		mem_freep((void *)&p->file[i].text);
	}
	for (size_t i = 0; i < p->nlinks; i++) {
		mem_freep((void *)&p->link[i].name);
		mem_freep((void *)&p->link[i].target);
	}
	mem_freep((void *)&p->file);
	words_fini(&p->notes);
	mem_freep((void *)&p->requirements);
	p->nfiles = p->files_cap = p->nlinks = 0;
}

void
plan_add_file(struct plan *p, const char *name, char *text)
{
	if (p->nfiles == p->files_cap) {
		p->files_cap = p->files_cap == 0 ? PLAN_FILES_FEW : p->files_cap * 2;
		p->file = mem_grow(p->file, p->files_cap * sizeof *p->file);
	}
	p->file[p->nfiles++] = (struct plan_file){ .name = mem_strdup(name),
		.text = text };
}

void
plan_add_kept(struct plan *p, const char *name, char *text)
{
	plan_add_file(p, name, text);
	p->file[p->nfiles - 1].kept = true;
}

void
plan_add_link(struct plan *p, const char *name, const char *dir, const char *target)
{
	if (p->nlinks == PLAN_LINKS_MAX)
		abort();
	p->link[p->nlinks++] = (struct plan_link){
		.name = mem_strdup(name),
		.target = mem_printf("%s/%s", dir, target),
	};
}

static struct str
name_of(const char *variable)
{
	const char *equals = strchr(variable, '=');

	return (struct str){ variable,
		equals == NULL ? strlen(variable) : (size_t)(equals - variable) };
}

const char *
plan_env_of(char *const *env, const char *name)
{
	for (; *env != NULL; env++) {
		const struct str n = name_of(*env);

		if (str_is(n, name) && (*env)[n.n] == '=')
			return *env + n.n + 1;
	}
	return NULL;
}

bool
plan_is_listed(struct str name, const char *const *list)
{
	for (; **list != '\0'; list++) {
		const struct str item = str_of(*list);
		const bool open = item.p[item.n - 1] == '*';

		if (open ? str_starts(name, (struct str){ item.p, item.n - 1 })
			 : str_eq(name, item))
			return true;
	}
	return false;
}

static bool
is_proxy(struct str name)
{
	static const struct str upper = { "_PROXY", 6 };
	static const struct str lower = { "_proxy", 6 };
	const struct str end = name.n < upper.n ? name : str_skip(name, name.n - upper.n);

	return str_eq(end, upper) || str_eq(end, lower);
}

/* What loads code into any program, and what names another run than this one. */
static bool
is_never_kept(struct str name)
{
	static const char *const list[] = { "LD_*", "BASH_ENV", "ENV", "NODE_*", "BUN_*",
		"PYTHON*", "PERL5*", "RUBYOPT", "PANDO_RUN", "PANDO_AGENT",
		"PANDO_AGENT_VERSION", "PANDO_PROJECT_ROOT", "PANDO_PROCESS_ROLE",
		"PANDO_SANDBOX", "PANDO_POLICY", "PANDO_POLICY_SHA256", "" };

	return plan_is_listed(name, list);
}

void
plan_add_env(struct plan *p, const struct plan_facts *f, enum pol_agent a,
	const struct plan_scrub *s)
{
	for (char *const *v = f->env; *v != NULL; v++) {
		const struct str name = name_of(*v);

		if (is_never_kept(name) || (f->port != 0 && is_proxy(name)))
			continue;
		if (plan_is_listed(name, s->dropped) && !plan_is_listed(name, s->kept))
			continue;
		words_add(&p->env, *v);
	}
	words_addf(&p->env, "PANDO_RUN=%s", f->run);
	words_addf(&p->env, "PANDO_AGENT=%s", pol_agent_name(a));
	words_addf(&p->env, "PANDO_AGENT_VERSION=%s", f->version);
	words_addf(&p->env, "PANDO_PROJECT_ROOT=%s", f->root);
	words_addf(&p->env, "PANDO_POLICY=%s", f->policy);
	words_addf(&p->env, "PANDO_POLICY_SHA256=%s", f->policy_sha256);
	if (f->port == 0)
		return;
	/* the agents send even loopback traffic to a proxy; the gateway uses it behind them */
	words_add(&p->env, "NO_PROXY=127.0.0.1,localhost");
	words_add(&p->env, "no_proxy=127.0.0.1,localhost");
}

bool
plan_has_native(const struct policy *pol, enum pol_agent a, const char *tool)
{
	const struct pol_use u = {
		.agent = a, .tool = str_of(tool), .asking = POL_OFFER
	};

	return pol_mode_of(pol, a) == POL_AUDIT ||
	       pol_decide(pol, &u).verdict <= POL_AUDITED;
}

char *
plan_shown_url(const char *url)
{
	const struct str plain = { url, strcspn(url, "?#") };

	if (memchr(plain.p, '@', plain.n) != NULL)
		return mem_strdup("an address with a password in it");
	return mem_strdup_str(plain);
}

char *
plan_base_url(const struct plan_facts *f, const char *below)
{
	return mem_printf("http://127.0.0.1:%d/run/%s%s", f->port, f->token->hex, below);
}

size_t
plan_server_env(const struct plan_facts *f, enum pol_agent a, const char *role,
	const char *pairs[PLAN_SERVER_ENV_MAX])
{
	const char *const all[] = { "PANDO_PROCESS_ROLE", role, "PANDO_RUN", f->run,
		"PANDO_AGENT", pol_agent_name(a), "PANDO_AGENT_VERSION", f->version,
		"PANDO_PROJECT_ROOT", f->root, "HOME", f->home, "PANDO_GATEWAY_LOG_FILE",
		f->log, "PANDO_POLICY", f->policy, "PANDO_POLICY_SHA256",
		f->policy_sha256 };
	size_t n = 0;

	for (size_t i = 0; i + 1 < LEN(all); i += 2) {
		if (all[i + 1] == NULL)
			continue;
		pairs[n++] = all[i];
		pairs[n++] = all[i + 1];
	}
	return n;
}
