#ifndef MCP_RPC_H
#define MCP_RPC_H

/*
 * JSON-RPC 2.0 as MCP's stdio transport has it: one message a line, UTF-8, no batches
 * (MCP 2025-06-18, "Transports", "stdio"; JSON-RPC 2.0, 4 and 5.1).
 *
 * Pure: bytes in, messages out. Who reads and writes the descriptors is server.c.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json/json.h"

enum { RPC_LINE_MAX = 16 << 20, RPC_ID_TEXT_MAX = 256, RPC_METHOD_MAX = 128 };

enum rpc_code {
	RPC_BAD_JSON = -32700,
	RPC_BAD_REQUEST = -32600,
	RPC_NO_METHOD = -32601,
	RPC_BAD_PARAMS = -32602,
	RPC_INTERNAL = -32603
};

/* What came in and is not yet taken. */
struct rpc_in {
	struct buf b;  /* at most RPC_LINE_MAX */
	size_t looked; /* bytes of b that rpc_peek has answered */
	size_t peeked; /* where the line begins that rpc_peek gave last */
	size_t used;   /* length of the line that rpc_take gave, newline included */
	bool skipping; /* the rest of a line that was too long */
};

#define RPC_IN_INIT                                                                      \
	{                                                                                \
		.b = BUF_INIT(RPC_LINE_MAX), .looked = 0, .peeked = 0, .used = 0,        \
		.skipping = false                                                        \
	}

enum rpc_got { RPC_MORE, RPC_LINE, RPC_TOO_LONG };

/* Room for what is read next; 0 when rpc_take must be called first. */
size_t rpc_room(const struct rpc_in *in);
void rpc_feed(struct rpc_in *in, struct str bytes); /* at most rpc_room() */
/* The next line without its end; it lives until the next call of any of these. */
enum rpc_got rpc_take(struct rpc_in *in, struct str *line);
/* The next whole line that was not peeked at yet; it stays for rpc_take. */
bool rpc_peek(struct rpc_in *in, struct str *line);
/* What rpc_peek gave last is seen to: rpc_take will not give it. */
void rpc_drop_peeked(struct rpc_in *in);
void rpc_fini(struct rpc_in *in);

enum rpc_kind { RPC_REQUEST, RPC_NOTIFICATION, RPC_RESPONSE, RPC_KINDS };

struct rpc_msg {
	json_t *root; /* owns the rest */
	enum rpc_kind kind;
	const json_t *id;     /* string or integer; NULL when there is none */
	const char *method;   /* NULL in a response */
	const json_t *params; /* an object, or NULL */
};

/* 0, or the code of the error to answer with; then e says why, and id is set if known. */
int rpc_parse(struct str line, struct rpc_msg *m, struct err *e);
void rpc_msg_fini(struct rpc_msg *m); /* for CLEANUP */

/* One line each; id NULL is written as null. */
void rpc_put_request(
	struct buf *out, const char *id, const char *method, struct str params);
/* Takes a request of ours back. */
void rpc_put_cancelled(struct buf *out, const char *id, const char *why);
void rpc_put_result(struct buf *out, const json_t *id, struct str result);
void rpc_put_error(struct buf *out, const json_t *id, int code, const char *why);

#endif
