#include "gateway/ws_shake.h"

#include <openssl/evp.h>

#include "gateway/head.h"
#include "gateway/word.h"

enum { VERSION = 13, BITS_LEAST = 8, BITS_MOST = 15, SHA1 = 20 };

/* RFC 6455, 1.3. */
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

void
gw_ws_key(const unsigned char nonce[GW_WS_NONCE], char text[GW_WS_KEY_TEXT])
{
	(void)EVP_EncodeBlock((unsigned char *)text, nonce, GW_WS_NONCE); /* a length */
}

void
gw_ws_accept(struct str key, char text[GW_WS_ACCEPT_TEXT])
{
	CLEANUP(buf_fini) struct buf all = BUF_INIT(1024);
	unsigned char sum[EVP_MAX_MD_SIZE] = { 0 };

	buf_put_str(&all, key);
	buf_puts(&all, GUID);
	if (EVP_Digest(all.p, all.n, sum, NULL, EVP_sha1(), NULL) != 1)
		memset(sum, 0, sizeof sum);                      /* it then fits no key */
	(void)EVP_EncodeBlock((unsigned char *)text, sum, SHA1); /* a length */
}

/* Base64 of 16 bytes: 22 characters that count and two that fill. */
static bool
is_key(struct str key)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/";
	enum { COUNT = 22 };

	if (key.n != GW_WS_KEY_TEXT - 1 || key.p[COUNT] != '=' || key.p[COUNT + 1] != '=')
		return false;
	for (size_t i = 0; i < COUNT; i++)
		if (key.p[i] == '\0' || strchr(alphabet, key.p[i]) == NULL)
			return false;
	return true;
}

/* Exactly one field of the name that lists the word. */
static bool
has_one(struct str fields, const char *name, const char *word)
{
	return gw_head_count(fields, name) == 1 &&
	       gw_head_lists(gw_head_get(fields, name), str_of(word));
}

/* Connection is often given in several fields. */
static bool
has_upgrade(struct str fields)
{
	struct str name, value;

	while (gw_head_next(&fields, &name, &value))
		if (gw_head_lists(name, STR("connection")) &&
			gw_head_lists(value, STR("upgrade")))
			return true;
	return false;
}

int
gw_ws_asked(struct str fields, struct str *key, struct err *e)
{
	*key = gw_head_get(fields, "sec-websocket-key");
	if (!has_one(fields, "upgrade", "websocket") || !has_upgrade(fields))
		return err_set(e, ERR_REFUSED,
			"a WebSocket handshake has Upgrade: websocket and Connection: Upgrade");
	if (!has_one(fields, "sec-websocket-version", "13"))
		return err_set(e, ERR_REFUSED, "WebSocket version %d is spoken, no other",
			VERSION);
	if (gw_head_count(fields, "sec-websocket-key") != 1 || !is_key(*key))
		return err_set(
			e, ERR_REFUSED, "Sec-WebSocket-Key is not one key of 16 bytes");
	return 0;
}

/* --- permessage-deflate ------------------------------------------------------------ */

/* Cuts s at the first stop outside of quotes. */
static struct str
cut(struct str *s, char stop)
{
	struct str part = { s->p, 0 };
	bool quoted = false;

	while (part.n < s->n && (quoted || s->p[part.n] != stop)) {
		quoted ^= s->p[part.n] == '"';
		part.n++;
	}
	*s = str_skip(*s, part.n + (part.n < s->n));
	return gw_trim(part);
}

/* "8" to "15", as it is or quoted; 0: something else. */
static int
window_bits(struct str s)
{
	int n = 0;

	if (s.n > 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		s = (struct str){ s.p + 1, s.n - 2 };
	if (s.n == 0 || s.n > 2 || s.p[0] == '0')
		return 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
		n = 10 * n + (s.p[i] - '0');
	}
	return n >= BITS_LEAST && n <= BITS_MOST ? n : 0;
}

/* The four parameters of RFC 7692, 7.1; each at most once. */
struct params {
	struct gw_ws_deflate d;
	bool has_client_bits; /* perhaps without a value */
};

static bool
read_param(struct str text, struct params *p)
{
	const bool has_value = text.n > 0 && memchr(text.p, '=', text.n) != NULL;
	const struct str name = cut(&text, '=');
	const int bits = window_bits(text);

	if (gw_head_lists(name, STR("server_no_context_takeover")) && !has_value &&
		!p->d.server_fresh)
		return p->d.server_fresh = true;
	if (gw_head_lists(name, STR("client_no_context_takeover")) && !has_value &&
		!p->d.client_fresh)
		return p->d.client_fresh = true;
	if (gw_head_lists(name, STR("server_max_window_bits")) && bits > 0 &&
		p->d.server_bits == 0) {
		p->d.server_bits = bits;
		return true;
	}
	if (gw_head_lists(name, STR("client_max_window_bits")) && !p->has_client_bits &&
		(bits > 0 || !has_value)) {
		p->d.client_bits = bits;
		return p->has_client_bits = true;
	}
	return false;
}

/* False: another extension, or one with parameters that are none. */
static bool
read_extension(struct str text, struct params *p)
{
	bool good = gw_head_lists(cut(&text, ';'), STR("permessage-deflate"));

	*p = (struct params){ .d = { .on = true } };
	while (good && text.n > 0)
		good = read_param(cut(&text, ';'), p);
	return good;
}

void
gw_ws_choose(struct str offers, struct gw_ws_deflate *agreed, struct buf *answer)
{
	struct params p;

	*agreed = (struct gw_ws_deflate){ .on = false };
	while (offers.n > 0) {
		if (!read_extension(cut(&offers, ','), &p))
			continue;
		/* what the client says of itself binds nobody until it is answered */
		*agreed = (struct gw_ws_deflate){
			.on = true,
			.server_fresh = p.d.server_fresh,
			.server_bits = p.d.server_bits,
		};
		buf_puts(answer, "permessage-deflate");
		if (p.d.server_fresh)
			buf_puts(answer, "; server_no_context_takeover");
		if (p.d.server_bits > 0)
			buf_printf(
				answer, "; server_max_window_bits=%d", p.d.server_bits);
		return;
	}
}

/* The answer to GW_WS_OFFER. */
static int
read_agreed(struct str value, struct gw_ws_deflate *agreed, struct err *e)
{
	struct params p;

	if (value.n == 0)
		return 0;
	if (!read_extension(cut(&value, ','), &p) || value.n > 0 ||
		(p.has_client_bits && p.d.client_bits == 0))
		return err_set(e, ERR_GATEWAY,
			"it answered with a WebSocket extension that was not offered");
	*agreed = p.d;
	return 0;
}

int
gw_ws_answered(
	struct str fields, const char *key, struct gw_ws_deflate *agreed, struct err *e)
{
	char want[GW_WS_ACCEPT_TEXT];

	*agreed = (struct gw_ws_deflate){ .on = false };
	gw_ws_accept(str_of(key), want);
	if (!has_one(fields, "upgrade", "websocket") || !has_upgrade(fields) ||
		gw_head_count(fields, "sec-websocket-accept") != 1 ||
		!str_is(gw_head_get(fields, "sec-websocket-accept"), want) ||
		gw_head_count(fields, "sec-websocket-protocol") > 0)
		return err_set(e, ERR_GATEWAY,
			"it did not answer the WebSocket handshake as asked");
	if (gw_head_count(fields, "sec-websocket-extensions") > 1)
		return err_set(e, ERR_GATEWAY,
			"it answered with more than one WebSocket extension");
	return read_agreed(gw_head_get(fields, "sec-websocket-extensions"), agreed, e);
}
