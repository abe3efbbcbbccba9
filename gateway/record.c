#include "gateway/record.h"

#include <inttypes.h>
#include <stdlib.h>

/*
 * What libcurl and gateway/upstream_curl.c read. HTTP_PROXY is not on the list: curl does not
 * read it, since a web server's client can set it.
 */
const char *const gw_network_names[GW_NETWORK_NAMES + 1] = { "http_proxy", "https_proxy",
	"HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE",
	"SSL_CERT_DIR", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", NULL };

enum { FIRST_CONTROL = 0x20, DEL = 0x7f, DIGITS_MAX = 20, NUMBER_BASE = 10 };

#define BUILT_IN "-"

static bool
is_line_text(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < FIRST_CONTROL || s.p[i] == DEL)
			return false;
	return s.n > 0;
}

static bool
put(struct buf *out, const char *key, const char *value)
{
	if (!is_line_text(str_of(value)))
		return false;
	buf_printf(out, "%s %s\n", key, value);
	return true;
}

int
gw_record_format(const struct gw_record *r, struct buf *out, struct err *e)
{
	bool good = true;

	for (size_t i = 0; i < GW_NETWORK_NAMES; i++)
		if (r->network[i] != NULL)
			good = good && put(out, gw_network_names[i], r->network[i]);
	buf_printf(out, "port %d\n", r->port);
	good = good && put(out, "token", r->token.hex) && put(out, "agent", r->agent) &&
	       put(out, "agent_version", r->agent_version) && put(out, "root", r->root) &&
	       put(out, "policy", r->policy != NULL ? r->policy : BUILT_IN) &&
	       put(out, "policy_sha256", r->policy_sha256) && put(out, "log", r->log);
	buf_printf(out, "pid %d\nstart %" PRIu64 "\n", (int)r->pid, r->start);
	if (good && !out->over)
		return 0;
	return err_set(e, ERR_DATA,
		"a path or version does not fit a line of the run's record, so the run "
		"cannot outlive this gateway");
}

static int
take_number(struct str s, uint64_t max, uint64_t *to)
{
	uint64_t n = 0;

	if (s.n == 0 || s.n > DIGITS_MAX || s.p[0] == '0')
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		const unsigned int digit = (unsigned char)s.p[i] - (unsigned int)'0';

		if (digit >= NUMBER_BASE || n > (max - digit) / NUMBER_BASE)
			return -1;
		n = n * NUMBER_BASE + digit;
	}
	*to = n;
	return 0;
}

static int
take_hex(struct str s, char *to)
{
	for (size_t i = 0; i < s.n; i++)
		if (memchr("0123456789abcdef", s.p[i], sizeof "0123456789abcdef" - 1) ==
			NULL)
			return -1;
	if (s.n != SECRET_HEX)
		return -1;
	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	return 0;
}

static int
take_text(struct str s, char **to)
{
	*to = mem_strdup_str(s);
	return 0;
}

enum key {
	PORT,
	TOKEN,
	AGENT,
	AGENT_VERSION,
	ROOT,
	POLICY,
	POLICY_SHA256,
	LOG,
	PID,
	START,
	KEYS
};

static const char *const key_names[KEYS] = { "port", "token", "agent", "agent_version",
	"root", "policy", "policy_sha256", "log", "pid", "start" };

static int
take_value(struct gw_record *r, enum key key, struct str value)
{
	uint64_t n = 0;
	int got = -1;

	switch (key) {
	case PORT:
		got = take_number(value, UINT16_MAX, &n);
		r->port = (int)n;
		return got;
	case PID:
		got = take_number(value, INT32_MAX, &n);
		r->pid = (pid_t)n;
		return got;
	case START:
		return take_number(value, UINT64_MAX, &r->start);
	case TOKEN:
		return take_hex(value, r->token.hex);
	case AGENT:
		return take_text(value, &r->agent);
	case AGENT_VERSION:
		return take_text(value, &r->agent_version);
	case ROOT:
		return take_text(value, &r->root);
	case POLICY:
		return str_is(value, BUILT_IN) ? 0 : take_text(value, &r->policy);
	case POLICY_SHA256:
		return take_text(value, &r->policy_sha256);
	case LOG:
		return take_text(value, &r->log);
	case KEYS:
		break;
	}
	return -1;
}

/* Which of the names it is, all of them in one row: the keys, then the variables. */
static size_t
find_name(struct str name)
{
	size_t i = 0;

	while (i < KEYS && !str_is(name, key_names[i]))
		i++;
	while (i >= KEYS && i < KEYS + GW_NETWORK_NAMES &&
		!str_is(name, gw_network_names[i - KEYS]))
		i++;
	return i;
}

static int
take_line(struct gw_record *r, struct str line, bool *seen)
{
	const char *space = memchr(line.p, ' ', line.n);
	struct str name, value;
	size_t i;

	if (space == NULL)
		return -1;
	name = (struct str){ line.p, (size_t)(space - line.p) };
	value = str_skip(line, name.n + 1);
	i = find_name(name);
	if (i >= KEYS + GW_NETWORK_NAMES || seen[i] || !is_line_text(value))
		return -1;
	seen[i] = true;
	return i < KEYS ? take_value(r, (enum key)i, value)
			: take_text(value, &r->network[i - KEYS]);
}

int
gw_record_parse(struct str text, struct gw_record *r, struct err *e)
{
	bool seen[KEYS + GW_NETWORK_NAMES] = { false };

	for (int no = 1; text.n > 0; no++) {
		const char *end = memchr(text.p, '\n', text.n);
		const size_t n = end == NULL ? 0 : (size_t)(end - text.p);

		if (end == NULL || take_line(r, (struct str){ text.p, n }, seen) < 0)
			return err_set(e, ERR_DATA, "line %d is not understood", no);
		text = str_skip(text, n + 1);
	}
	for (size_t i = 0; i < KEYS; i++)
		if (!seen[i])
			return err_set(e, ERR_DATA, "there is no \"%s\"", key_names[i]);
	return 0;
}

void
gw_record_fini(struct gw_record *r)
{
	free(r->agent);
	free(r->agent_version);
	free(r->root);
	free(r->policy);
	free(r->policy_sha256);
	free(r->log);
	for (size_t i = 0; i < GW_NETWORK_NAMES; i++)
		free(r->network[i]);
	explicit_bzero(r, sizeof *r);
}
