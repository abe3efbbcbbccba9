#ifndef GATEWAY_MESSAGES_REQUEST_H
#define GATEWAY_MESSAGES_REQUEST_H

/*
 * A request on its way through: the body's members (messages.c), what is offered to the model
 * (messages_tools.c), and the transcript (messages_history.c), each of which makes its edits.
 */

#include "gateway/edit.h"
#include "gateway/messages.h"

enum {
	MSG_CUT_MAX = 3,  /* members of the body that can go as a whole */
	MSG_NEST_MAX = 8, /* content inside content; the API's own nests 3 deep */
};

struct msg_req {
	const struct gw_judge *j;
	struct edits ed;
	struct gw_ids gone;      /* calls that were taken out of the transcript */
	struct gw_ids undefined; /* allowed names of tools that went by their type */
	bool tools_emptied;
	const char *cut[MSG_CUT_MAX]; /* starts of the values of such members */
	size_t ncut;
};

/* Each takes the member's value, which may be absent. */
int msg_filter_tools(struct msg_req *r, struct js tools, struct err *e);
/* Behind msg_filter_tools. */
int msg_filter_choice(struct msg_req *r, struct js choice, struct err *e);
int msg_filter_servers(struct msg_req *r, struct js servers, struct err *e);
int msg_filter_container(struct msg_req *r, struct js container, struct err *e);
int msg_filter_system(struct msg_req *r, struct js system, struct err *e);
int msg_filter_messages(struct msg_req *r, struct js messages, struct err *e);

/* What a tool_addition or tool_removal names: 0 it stays, 1 it goes, -1 refused. */
int msg_judge_change(struct msg_req *r, struct js tool, struct err *e);

#endif
