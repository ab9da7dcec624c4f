/* SPDX-License-Identifier: BSD-2-Clause */
/* Where every byte of the footprint is: translation, then the IPA space. */
#include <salvage/abort.h>
#include <salvage/syndrome.h>

#include "session.h"

#define PAGE 0x1000 /* no granule is smaller */

/*
 * The guest's own fault, and a table that it cannot have: noted, the first one only. The search goes on,
 * since another byte may be the one that aborted.
 */
static void note_fault(struct sv_session *session, enum sv_reason reason, uint64_t esr, uint64_t va)
{
	if (session->fault_reason)
		return;
	session->fault_reason = reason;
	session->fault_va = va;
	session->fault_esr = esr;
}

/* A walk through the footprint: what was translated last serves as long as it lasts. */
struct walk {
	struct sv_access_kind kind;
	bool translated;
	uint64_t va;
	struct sv_translation translation;
};

static enum sv_status walk_to(struct sv_session *session, struct walk *walk, uint64_t va, uint64_t *ipa)
{
	const struct sv_translation *translation = &walk->translation;
	enum sv_status status;

	if (!walk->translated || va - walk->va > translation->last - translation->ipa) {
		status = sv_session_translate(session, va, walk->kind, &walk->translation);
		if (status)
			return status;
		walk->va = va;
		walk->translated = true;
	}
	*ipa = translation->ipa + (va - walk->va);
	return SV_OK;
}

/*
 * Continues the segment before it, or begins one. What lies between two active elements is never looked at.
 */
static bool extend(struct sv_session *session, const struct sv_segment *next)
{
	struct sv_segment *segment = &session->segments[session->segment_count];

	if (session->segment_count) {
		struct sv_segment *last = segment - 1;

		if (last->kind == next->kind && last->region == next->region && last->write == next->write &&
		    next->ipa - last->ipa == (uint64_t)next->offset - last->offset) {
			last->length = (uint16_t)(next->offset - last->offset + next->length);
			return true;
		}
	}
	if (session->segment_count == SV_SEGMENTS)
		return false;
	*segment = *next;
	session->segment_count++;
	return true;
}

/* Adds length bytes (at least 1) of the footprint, linear from ipa on, cut where places change. */
static enum sv_reason add(struct sv_session *session, unsigned offset, uint64_t va, uint64_t ipa,
			  uint64_t length, bool write)
{
	while (length) {
		struct sv_place place = sv_space_find(session->space, ipa, write);
		uint64_t run = place.last - ipa < length - 1 ? place.last - ipa + 1 : length;
		struct sv_segment segment = {
			.offset = (uint16_t)offset,
			.length = (uint16_t)run,
			.write = write,
			.va = va,
			.ipa = ipa,
			.kind = place.kind,
			.region = place.region,
		};

		if (!extend(session, &segment))
			return SV_REASON_FRAGMENTED;
		offset += (unsigned)run;
		va += run;
		ipa += run;
		length -= run;
	}
	return SV_REASON_NONE;
}

/* Alignment faults are stage 1's, before any stage-2 abort (DDI 0487, D8.5.2). */
static bool misaligned(const struct sv_plan *plan, bool device)
{
	bool always = (plan->single || plan->tags) && plan->align > plan->esize;

	/* With FEAT_LSE2 a pair may lie anywhere in 16 bytes, as a single element may (DDI 0487, B2.2.1). */
	if (plan->op && plan->va % 16 + plan->esize * plan->count <= 16)
		always = false;

	if (!plan->align)
		return device;
	return plan->va % plan->align && (device || always);
}

static void note_misaligned(struct sv_session *session, uint64_t va, uint64_t ipa, bool write)
{
	uint64_t esr = sv_stage1_fsc(SV_ALIGNMENT, 0) | (write ? SV_ESR_WnR : 0);

	if (!session->fault_reason)
		session->report.ipa = ipa;
	note_fault(session, SV_REASON_ALIGNMENT, esr, va);
}

/* A run of bytes that are all accessed. */
static enum sv_reason add_run(struct sv_session *session, struct walk *walk, unsigned offset, uint64_t va,
			      uint64_t length)
{
	while (length) {
		uint64_t part = length, ipa = 0;
		enum sv_status status = walk_to(session, walk, va, &ipa);
		enum sv_reason reason = sv_session_reason(status);

		if (reason == SV_REASON_DATA_TRANSLATION || reason == SV_REASON_MEMORY_FAULT) {
			note_fault(session, reason, walk->translation.esr, va);
			reason = SV_REASON_NONE;
			walk->translated = false;
			if (PAGE - va % PAGE < length)
				part = PAGE - va % PAGE;
		} else if (!status) {
			if (walk->translation.last - ipa < length - 1)
				part = walk->translation.last - ipa + 1;
			if (misaligned(&session->plan, walk->translation.device))
				note_misaligned(session, va, ipa, walk->kind.write);
			reason = add(session, offset, va, ipa, part, walk->kind.write);
		}
		if (reason) {
			session->report.va = va;
			session->report.has_va = true;
			return reason;
		}
		offset += (unsigned)part;
		va += part;
		length -= part;
	}
	return SV_REASON_NONE;
}

static struct sv_access_kind plan_kind(const struct sv_session *session, bool write)
{
	const struct sv_plan *plan = &session->plan;
	bool unprivileged = plan->copy && !write ? plan->from_unprivileged : plan->unprivileged;

	return (struct sv_access_kind){
		.write = write,
		.el0 = sv_access_el0(&session->context, unprivileged),
		.atomic = plan->op,
	};
}

unsigned sv_session_active(const struct sv_session *session, unsigned offset)
{
	const struct sv_plan *plan = &session->plan;
	unsigned total = sv_session_total(session);

	while (offset < total && !sv_plan_active(plan, offset / plan->esize))
		offset += plan->esize - offset % plan->esize;
	return offset;
}

/* Footprint bytes first..end-1, which begin at va. */
static enum sv_reason add_footprint(struct sv_session *session, bool write, unsigned first, unsigned end,
				    uint64_t va)
{
	const struct sv_plan *plan = &session->plan;
	struct walk walk = {.kind = plan_kind(session, write)};
	unsigned offset = first;
	enum sv_reason reason = SV_REASON_NONE;

	while (!reason && (offset = sv_session_active(session, offset)) < end) {
		unsigned run = offset;

		while (run < end && sv_plan_active(plan, run / plan->esize))
			run = plan->predicated ? run + plan->esize : end;
		reason = add_run(session, &walk, offset, va + (offset - first), run - offset);
		offset = run;
	}
	return reason;
}

static enum sv_reason build(struct sv_session *session)
{
	const struct sv_plan *plan = &session->plan;
	unsigned total = sv_session_total(session), bytes = plan->esize * plan->count;
	enum sv_reason reason = SV_REASON_NONE;

	session->segment_count = 0;
	session->fault_reason = SV_REASON_NONE;
	if (plan->copy)
		reason = add_footprint(session, false, 0, bytes, plan->from);
	if (!reason)
		reason = add_footprint(session, plan->write, total - bytes, total, plan->va);
	if (!reason && session->fault_reason) {
		session->report.va = session->fault_va;
		session->report.has_va = true;
		reason = session->fault_reason;
	}
	return reason;
}

/*
 * A copy or set is free to stop where places change; so that what is possible of it and what is not never
 * meet in one chunk, it does.
 */
static unsigned uniform(const struct sv_session *session)
{
	const struct sv_plan *plan = &session->plan;
	unsigned bytes = plan->count, end = 0;

	for (unsigned i = 0; i < session->segment_count; i++) {
		const struct sv_segment *segment = &session->segments[i];
		bool first = segment->offset % plan->count == 0;

		end = segment->offset + segment->length;
		if ((plan->backward ? end % plan->count == 0 : first) && segment->length < bytes)
			bytes = segment->length;
	}
	return bytes;
}

/*
 * What is left of the segments: one of what is read, one of what is written. They are cut, not built anew: a
 * second walk might come to another place.
 */
static void shorten(struct sv_session *session, unsigned bytes)
{
	struct sv_plan *plan = &session->plan;
	unsigned whole = plan->count, kept = 0;

	sv_plan_shorten(plan, bytes);
	for (unsigned i = 0; i < session->segment_count; i++) {
		struct sv_segment segment = session->segments[i];
		unsigned half = segment.offset / whole, end = segment.offset + segment.length;

		if (plan->backward ? end % whole : segment.offset % whole)
			continue;
		if (plan->backward) {
			segment.va += segment.length - plan->count;
			segment.ipa += segment.length - plan->count;
		}
		segment.offset = (uint16_t)(half * plan->count);
		segment.length = plan->count;
		session->segments[kept++] = segment;
	}
	session->segment_count = (uint8_t)kept;
}

enum sv_reason sv_session_segments(struct sv_session *session)
{
	struct sv_plan *plan = &session->plan;
	enum sv_reason reason = build(session);

	/* Half a granule has no tag: what cuts one is no place for SETG. */
	if (!reason && plan->unfinished && plan->tags && uniform(session) < plan->align)
		return SV_REASON_FRAGMENTED;
	if (!reason && plan->unfinished && uniform(session) < plan->count)
		shorten(session, uniform(session));
	return reason;
}

/* Where a byte of a copy or set is; in a page that has been translated, by what was found then. */
static enum sv_status locate(struct sv_session *session, bool write, uint64_t va, uint64_t *ipa)
{
	struct walk walk = {.kind = plan_kind(session, write)};

	for (unsigned i = 0; i < session->segment_count; i++) {
		const struct sv_segment *segment = &session->segments[i];

		if (segment->write == write && segment->va / PAGE == va / PAGE) {
			*ipa = segment->ipa + (va - segment->va);
			return SV_OK;
		}
	}
	return walk_to(session, &walk, va, ipa);
}

enum sv_reason sv_session_progress(struct sv_session *session, bool write)
{
	const struct sv_plan *plan = &session->plan;
	uint64_t fault = session->report.abort.fault_ipa, page = PAGE - 1, ipa = 0;
	uint64_t first = plan->copy && !write ? plan->from : plan->va, last, va;

	if (plan->backward)
		first += plan->count - plan->remaining;
	last = first + (plan->remaining - 1);
	/* The byte nearest to where it goes on that has the low bits of the fault. */
	va = plan->backward ? last - ((last - fault) & page) : first + ((fault - first) & page);
	if (va - first >= plan->remaining || (!write && !plan->copy) || locate(session, write, va, &ipa) ||
	    ipa != fault)
		return SV_REASON_ADDRESS;
	session->report.va = va;
	session->report.has_va = true;
	return is_memory(sv_space_find(session->space, ipa, write).kind) ? SV_REASON_MEMORY : SV_REASON_NONE;
}

static bool natural(uint64_t ipa, unsigned size)
{
	return !(ipa & (size - 1));
}

/* The largest access that is aligned and not longer than left; of those the window takes, if it takes any. */
static unsigned any_size(const struct sv_segment *segment, uint64_t ipa, unsigned left)
{
	bool window = segment->kind == SV_REGION_WINDOW && segment->region->kind == SV_REGION_WINDOW;
	unsigned best = 1, taken = 0;

	for (unsigned size = 1; size <= 8 && size <= left && natural(ipa, size); size *= 2) {
		best = size;
		if (window && segment->region->sizes & size)
			taken = size;
	}
	return taken ? taken : best;
}

struct sv_piece sv_session_piece(const struct sv_session *session, unsigned offset)
{
	const struct sv_segment *segment = session->segments;
	/* No embedder's bus is wider than KVM's 8 bytes: a Q register goes out in halves. */
	unsigned esize = session->plan.esize > 8 ? 8 : session->plan.esize;
	unsigned into = offset % esize, size = esize - into, left;
	uint64_t ipa;

	/* One access: sv_session_next has seen to it that it lies in one place. */
	if (session->plan.single)
		return (struct sv_piece){segment, segment->ipa, segment->length};
	while (offset >= (unsigned)segment->offset + segment->length)
		segment++;
	ipa = segment->ipa + (offset - segment->offset);
	left = segment->offset + segment->length - offset;
	if (session->plan.unsized) {
		size = any_size(segment, ipa, left);
	} else if (into || left < size) {
		/*
		 * An element cut by a boundary goes out in naturally aligned parts: no bus carries 3 bytes.
		 */
		unsigned part = 1;

		if (left > size)
			left = size;
		while (part * 2 <= left && natural(ipa, part * 2))
			part *= 2;
		size = part;
	}
	return (struct sv_piece){segment, ipa, size};
}
