/* SPDX-License-Identifier: BSD-2-Clause */
/* Our side of a case: salvage run on the same state, with the case's window as memory and as device. */
#ifndef MODEL_H
#define MODEL_H

#include <salvage/abort.h>

#include "case.h"

struct model {
	struct sv_cpu cpu;
	const struct job *job;
	const struct machine *machine;
	uint64_t regs[SV_REG_COUNT];
	uint64_t v[32][2];
	uint8_t z[VECTORS_Z], p[VECTORS_P]; /* as in struct job */
	uint8_t window[WINDOW_MOST];
	uint64_t read; /* bit n: SV_X0 + n was read */
	bool strayed;  /* an access outside the window */
	bool injected;
};

/* What stage 1 makes of an instruction's footprint: of a predicated one, what is active in each page. */
struct footprint {
	struct sv_plan plan;
	enum sv_status status; /* SV_OK: all of it is there */
	bool alignment;        /* an alignment fault because of the memory type */
	int8_t level;
	uint64_t va; /* of the first byte that faults */
	struct {
		uint64_t va, ipa, length;
	} part[4];
	unsigned parts;
};

void model_begin(struct model *model, const struct job *job, const struct machine *machine);

/* Takes over where a pass left the case: registers and memory. */
void model_continue(struct model *model, const struct registers *registers, const uint8_t *window);

/* Whether the address is anywhere in what is accessed: DC ZVA and the like. */
bool model_blocks(const struct sv_insn *insn);

/* The number of the register that holds the address, or its base. */
unsigned model_base(const struct sv_insn *insn);

/* The plan of a case, without memory. SV_NOT_MEMORY: it has an address, but nothing is active. */
enum sv_status model_plan(const struct job *job, struct sv_plan *plan);

/* Whether stage 1 forbids an access. */
bool model_forbids(const struct model *model, uint64_t va, bool write, bool el0);

void model_footprint(struct model *model, struct footprint *footprint);

/* Decode, plan, finish, without a session: what an emulator of an ISV=1 form would do. */
void model_direct(struct model *model, const struct footprint *footprint);

/* A session on the abort that the guest took; the space is the pass's. */
enum sv_verdict model_session(struct model *model, enum pass pass, const struct trap *trap,
			      struct sv_report *report);

#endif
