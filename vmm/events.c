/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "events.h"

/* Aborts told apart at a time. One more pushes another out, whose sum is then written. */
#define KINDS 256

struct kind {
	uint64_t pc, ipa;
	uint64_t count, written; /* of these aborts: seen; accounted for in the file */
	json_t *last;            /* the abort's own fields, for the sum */
};

struct vmm_events {
	pthread_mutex_t lock;
	FILE *file;
	char *vm;
	uint64_t limit, bytes, seq, dropped;
	bool failed;
	struct kind kinds[KINDS];
};

static json_t *hex(uint64_t value)
{
	char text[2 + 16 + 1];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_string(text);
}

static json_t *hex_if(bool valid, uint64_t value)
{
	return valid ? hex(value) : json_null();
}

/* A guest's device tree can name a node by any bytes, a JSON string cannot. */
static json_t *legible(const char *text)
{
	char ascii[256];

	snprintf(ascii, sizeof(ascii), "%s", text);
	for (char *c = ascii; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return json_string(ascii);
}

static json_t *text_if(const char *text)
{
	json_t *string = text && *text ? json_string(text) : json_null();

	return string ? string : legible(text);
}

/* What every event has. vcpu < 0: it is none's. */
static json_t *head(struct vmm_events *events, int vcpu, const char *event)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return json_pack("{s:i, s:I, s:I, s:s, s:o, s:s}", "v", VMM_EVENTS_SCHEMA, "seq",
			 (json_int_t)events->seq++, "t", (json_int_t)now.tv_sec * 1000000000 + now.tv_nsec,
			 "vm", events->vm, "vcpu", vcpu < 0 ? json_null() : json_integer(vcpu), "event",
			 event);
}

/* Takes the reference. A line goes out in one piece, for readers that follow the file. */
static void put(struct vmm_events *events, json_t *event, bool always)
{
	char *line = event ? json_dumps(event, JSON_COMPACT) : NULL;
	size_t length = line ? strlen(line) + 1 : 0;

	json_decref(event);
	if (!line || (!always && events->bytes + length > events->limit)) {
		events->dropped++;
	} else {
		line[length - 1] = '\n';
		if (fwrite(line, 1, length, events->file) != length || fflush(events->file))
			events->failed = true;
		events->bytes += length;
	}
	free(line);
}

struct vmm_events *vmm_events_new(FILE *file, const char *vm, uint64_t limit)
{
	struct vmm_events *events = calloc(1, sizeof(*events));

	if (!events)
		return NULL;
	events->vm = strdup(vm);
	if (!events->vm) {
		free(events);
		return NULL;
	}
	/* A file's name can be any bytes, a JSON string cannot. */
	for (char *c = events->vm; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	pthread_mutex_init(&events->lock, NULL);
	events->file = file;
	events->limit = limit;
	return events;
}

/* In the order of the bytes in memory, as KVM's data is; wider than an integer for pairs and for 64 bytes. */
static json_t *data_value(unsigned size, const uint8_t *data)
{
	char text[3 + 2 * SV_ACCESS_BYTES] = "0x";
	uint64_t value = 0;

	if (size <= 8) {
		for (unsigned i = 0; i < size; i++)
			value |= (uint64_t)data[i] << 8 * i;
		return hex(value);
	}
	for (unsigned i = 0; i < size; i++)
		snprintf(text + 2 + 2 * i, 3, "%02x", data[size - 1 - i]);
	return json_string(text);
}

static void device_event(struct vmm_events *events, unsigned vcpu, const char *device, uint64_t ipa,
			 unsigned size, const char *dir, const char *op, const uint8_t *data)
{
	json_t *event;

	if (!events->file)
		return;
	pthread_mutex_lock(&events->lock);
	event = head(events, (int)vcpu, "mmio");
	json_object_update_new(event, json_pack("{s:s, s:o, s:i, s:o, s:s, s:s*}", "dir", dir, "ipa",
						hex(ipa), "size", (int)size, "value", data_value(size, data),
						"device", device, "op", op));
	put(events, event, false);
	pthread_mutex_unlock(&events->lock);
}

void vmm_events_mmio(struct vmm_events *events, unsigned vcpu, const char *device, uint64_t ipa,
		     unsigned size, bool write, const uint8_t *data)
{
	device_event(events, vcpu, device, ipa, size, write ? "w" : "r", NULL, data);
}

void vmm_events_atomic(struct vmm_events *events, unsigned vcpu, const char *device,
		       const struct sv_access *access)
{
	device_event(events, vcpu, device, access->ipa, access->size, "rw", sv_op_name(access->op),
		     access->data);
}

static json_t *abort_fields(const struct sv_report *report)
{
	static const char *const isas[] = {[SV_A64] = "a64", [SV_A32] = "a32", [SV_T32] = "t32"};
	const char *class = NULL;
	char text[128] = "";

	if (report->has_insn) {
		sv_insn_format(&report->insn, report->has_pc ? report->pc : 0, text, sizeof(text));
		class = sv_class_name(report->insn.row->iclass);
	}
	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:i, s:s, s:o, s:o, s:o}",
		"cause", sv_cause_name(report->cause), "reason", text_if(sv_reason_text(report->reason)),
		"pc", hex_if(report->has_pc, report->pc), "symbol", text_if(report->symbol), "isa",
		report->has_insn ? json_string(isas[report->insn.isa]) : json_null(), "insn",
		hex_if(report->has_word, report->word), "text", text_if(text), "class", text_if(class), "ipa",
		hex_if(!report->no_ipa, report->ipa), "gva", hex_if(report->has_va, report->va), "esr",
		hex_if(!report->isv, report->abort.esr_iss), "dir", report->write ? "w" : "r", "device",
		text_if(report->region ? report->region->name : NULL), "node", text_if(report->node),
		"node_here", report->node ? json_boolean(report->node_here) : json_null(), "accesses",
		(int)report->accesses, "verdict", sv_ending_name(report->ending), "would",
		report->ending == SV_ENDING_OBSERVED ? json_string(sv_ending_name(report->would))
						     : json_null(),
		"rule", text_if(report->rule ? report->rule->text : NULL), "isv", json_boolean(report->isv));
}

/* The sum of the aborts that were seen and not written: one event that says how many it stands for. */
static void put_sum(struct vmm_events *events, struct kind *kind)
{
	json_t *event;

	if (kind->count == kind->written)
		return;
	event = head(events, (int)json_integer_value(json_object_get(kind->last, "vcpu")), "abort");
	json_object_update_missing(event, kind->last);
	json_object_set_new(event, "repeats", json_integer((json_int_t)(kind->count - kind->written)));
	put(events, event, false);
	kind->written = kind->count;
}

/* Whether they ended alike, and for the same reason. */
static bool same(const json_t *a, const json_t *b)
{
	static const char *const names[] = {"verdict", "cause", "reason"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!json_equal(json_object_get(a, names[i]), json_object_get(b, names[i])))
			return false;
	return true;
}

static struct kind *kind_of(struct vmm_events *events, const struct sv_report *report, const json_t *fields)
{
	uint64_t hash = (report->pc ^ report->ipa * 31 ^ (uint64_t)report->ending << 60 ^
			 (uint64_t)report->reason << 52) *
			UINT64_C(0x9e3779b97f4a7c15);
	struct kind *kind = &events->kinds[hash >> 56];

	_Static_assert(KINDS == 256, "the hash gives eight bits");
	if (kind->last && kind->pc == report->pc && kind->ipa == report->ipa && same(kind->last, fields))
		return kind;
	if (kind->last)
		put_sum(events, kind);
	json_decref(kind->last);
	*kind = (struct kind){.pc = report->pc, .ipa = report->ipa};
	return kind;
}

/* Takes the fields. Its seq, or -1 if it was only counted. */
static json_int_t put_abort(struct vmm_events *events, unsigned vcpu, const struct sv_report *report,
			    json_t *fields)
{
	struct kind *kind = kind_of(events, report, fields);
	json_int_t seq = -1;
	json_t *event;

	json_decref(kind->last);
	kind->last = fields;
	kind->count++;
	if (kind->count <= VMM_EVENTS_REPEATS) {
		seq = (json_int_t)events->seq;
		event = head(events, (int)vcpu, "abort");
		json_object_update(event, fields);
		put(events, event, false);
		kind->written = kind->count;
	} else if (kind->count >= 2 * kind->written) {
		json_object_set_new(fields, "vcpu", json_integer(vcpu));
		put_sum(events, kind);
	}
	json_object_set_new(fields, "vcpu", json_integer(vcpu));
	return seq;
}

void vmm_events_abort(struct vmm_events *events, unsigned vcpu, const struct sv_report *report)
{
	if (!events->file)
		return;
	pthread_mutex_lock(&events->lock);
	put_abort(events, vcpu, report, abort_fields(report));
	pthread_mutex_unlock(&events->lock);
}

/* Errors on a known page are counted by the ledger, and as aborts. */
static bool is_news(const struct sv_report *report, const struct sv_ras_answer *answer)
{
	if (report->ending == SV_ENDING_STOPPED)
		return true;
	return answer->sighting == SV_RAS_SATURATED ? answer->notice != 0 : answer->sighting != SV_RAS_REPEAT;
}

static void put_poison(struct vmm_events *events, int vcpu, const struct sv_report *report,
		       const struct sv_memory_error *error, const struct sv_ras_answer *answer,
		       json_int_t abort)
{
	json_t *event = head(events, vcpu, "poison");

	json_object_update_new(
		event,
		json_pack("{s:s, s:o, s:o, s:o, s:o, s:b, s:I, s:I, s:s, s:o, s:b, s:o}", "source",
			  sv_ras_source_name(error->source), "gpa",
			  hex_if(error->valid & SV_RAS_GPA, error->gpa), "gva",
			  hex_if(error->valid & SV_RAS_GVA, error->gva), "esr",
			  hex_if(error->valid & SV_RAS_ESR, error->esr), "pc",
			  hex_if(error->valid & SV_RAS_PC, error->pc), "inferred",
			  (error->valid & SV_RAS_INFERRED) != 0, "distinct", (json_int_t)answer->distinct,
			  "count", (json_int_t)answer->count, "verdict",
			  vcpu < 0 && report->ending == SV_ENDING_RETRIED ? "recorded"
									  : sv_ending_name(report->ending),
			  "rule", text_if(report->rule ? report->rule->text : NULL), "durable",
			  answer->durable, "abort", abort < 0 ? json_null() : json_integer(abort)));
	put(events, event, false);
}

void vmm_events_memory_error(struct vmm_events *events, int vcpu, const struct sv_report *report,
			     const struct sv_memory_error *error, const struct sv_ras_answer *answer)
{
	json_int_t abort = -1;

	if (!events->file)
		return;
	pthread_mutex_lock(&events->lock);
	if (vcpu >= 0) {
		json_t *fields = abort_fields(report);

		/* Here it is all of the syndrome, or none. */
		json_object_set_new(fields, "esr", hex_if(error->valid & SV_RAS_ESR, error->esr));
		abort = put_abort(events, (unsigned)vcpu, report, fields);
	}
	if (is_news(report, answer))
		put_poison(events, vcpu, report, error, answer, abort);
	pthread_mutex_unlock(&events->lock);
}

bool vmm_events_exit(struct vmm_events *events, int status, const char *reason)
{
	json_t *event;

	if (!events->file)
		return true;
	pthread_mutex_lock(&events->lock);
	for (unsigned i = 0; i < KINDS; i++)
		if (events->kinds[i].last)
			put_sum(events, &events->kinds[i]);
	event = head(events, -1, "exit");
	json_object_update_new(event, json_pack("{s:i, s:s, s:I}", "status", status, "reason", reason,
						"dropped", (json_int_t)events->dropped));
	put(events, event, true);
	pthread_mutex_unlock(&events->lock);
	return !events->failed;
}

void vmm_events_free(struct vmm_events *events)
{
	if (!events)
		return;
	for (unsigned i = 0; i < KINDS; i++)
		json_decref(events->kinds[i].last);
	pthread_mutex_destroy(&events->lock);
	free(events->vm);
	free(events);
}
