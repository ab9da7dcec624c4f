/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage 1 with any registers and any descriptors. Descriptors come one after the other from the input,
 * wherever the walk asks for them: what is read twice is two things.
 */
#include <string.h>

#include <salvage/except.h>
#include <salvage/mmu.h>
#include <salvage/syndrome.h>

#include "fuzz.h"

#define LEVELS 5

struct guest {
	uint64_t regs[SV_REG_COUNT];
	uint8_t got[SV_REG_COUNT];
	unsigned broken;
	bool register_failed;
	uint64_t descriptors[LEVELS];
	unsigned count; /* of them in the input */
	enum sv_status ends[LEVELS];
	uint64_t addresses[LEVELS];
	unsigned reads;
};

static enum sv_status get(void *vcpu, enum sv_reg reg, uint64_t *value)
{
	struct guest *guest = vcpu;

	claim((unsigned)reg >= SV_SCTLR_EL1 && (unsigned)reg < SV_REG_COUNT);
	/* Each register once: the guest may change it between two reads. */
	claim(!guest->got[reg]++);
	if (guest->broken == (unsigned)reg) {
		guest->register_failed = true;
		return SV_REGISTER;
	}
	*value = guest->regs[reg];
	return SV_OK;
}

static enum sv_status set(void *vcpu, enum sv_reg reg, uint64_t value)
{
	fuzz_fail(__FILE__, __LINE__, "a translation writes no register");
}

static const struct sv_regs_ops ops = {.get = get, .set = set};

static enum sv_status read_descriptor(void *vcpu, uint64_t ipa, uint64_t *value)
{
	struct guest *guest = vcpu;
	unsigned n = guest->reads++;

	claim(n < LEVELS);
	claim(!(ipa & 7) && !(ipa >> 52));
	guest->addresses[n] = ipa;
	*value = guest->descriptors[n];
	return guest->ends[n];
}

struct question {
	struct sv_context context;
	unsigned features;
	uint64_t va;
	struct sv_access_kind kind;
};

static enum sv_status ask(struct guest *guest, const struct question *question, uint64_t va,
			  struct sv_translation *out)
{
	guest->reads = 0;
	guest->register_failed = false;
	memset(guest->got, 0, sizeof(guest->got));
	return sv_translate(&question->context, question->features, va, question->kind, &ops, read_descriptor,
			    guest, out);
}

/*
 * Each descriptor is of the table that the one before it names: the walk goes down a level with every read.
 * Of its address what all granules and sizes have in common is compared.
 */
static void check_chain(const struct guest *guest, const struct question *question)
{
	const uint64_t common = UINT64_C(0x0000ffffffff0000);
	uint64_t desc;

	for (unsigned i = 0; i + 1 < guest->reads; i++) {
		desc = guest->descriptors[i];
		if (question->context.sctlr_el1 & SV_SCTLR_EE)
			desc = __builtin_bswap64(desc);
		claim((desc & 3) == 3);
		claim(!((desc ^ guest->addresses[i + 1]) & common));
	}
}

static void check_answer(const struct guest *guest, const struct question *question, enum sv_status status,
			 const struct sv_translation *out)
{
	unsigned bits = question->features >> 24 ? question->features >> 24 : 48;
	const struct sv_access_kind *kind = &question->kind;

	claim(!(guest->got[SV_TTBR0_EL1] && guest->got[SV_TTBR1_EL1]));
	claim(!kind->fetch || !guest->got[SV_MAIR_EL1]);
	claim((status == SV_REGISTER) == guest->register_failed);
	claim(out->level >= -1 && out->level <= 3);
	/* As many reads as there are levels on the way, at most. */
	claim(!guest->reads || out->level - (int)(guest->reads - 1) >= -1);
	check_chain(guest, question);
	switch (status) {
	case SV_OK:
		claim(out->ipa <= out->last && !(out->last >> 52));
		/*
		 * Of a block that is larger than what may come out, where it begins is compared with the size,
		 * as QEMU does. Arm's pseudocode compares the byte's address (docs/fuzzing.md).
		 */
		claim(!(out->last >> bits) || !(out->last & (out->last + 1)));
		claim(!(~out->last & 0xfff) || bits < 12);
		claim(!out->esr && !out->refusal);
		claim(kind->fetch ? out->execute : kind->write ? out->write : out->read);
		claim(!kind->atomic || out->read);
		claim(out->type.inner <= SV_WRITE_BACK && out->type.outer <= SV_WRITE_BACK &&
		      out->type.device <= SV_DEVICE_GRE && out->type.shareability != 1 &&
		      out->type.shareability <= SV_INNER_SHAREABLE);
		break;
	case SV_UNSUPPORTED:
		claim(out->refusal && !out->esr);
		claim(strcmp(sv_mmu_refusal_text(out->refusal), "none"));
		break;
	case SV_REGISTER:
		claim(!out->esr);
		break;
	case SV_TRANSLATION:
	case SV_ACCESS_FLAG:
	case SV_PERMISSION:
	case SV_ADDRESS_SIZE:
	case SV_FAULT:
		claim(SV_FSC(out->esr) == sv_stage1_fsc(status, out->level) &&
		      SV_FSC(out->esr) != SV_FSC_NONE);
		claim(!kind->fetch || !(out->esr & SV_ESR_WnR));
		claim(status != SV_FAULT || guest->reads);
		claim(!out->no_table || status == SV_FAULT);
		break;
	default:
		fuzz_fail(__FILE__, __LINE__, "no status of a translation");
	}
}

static bool same(const struct sv_translation *a, const struct sv_translation *b)
{
	return a->ipa == b->ipa && a->last == b->last && a->device == b->device && a->read == b->read &&
	       a->write == b->write && a->execute == b->execute && a->level == b->level && a->esr == b->esr &&
	       a->refusal == b->refusal && a->no_table == b->no_table &&
	       !memcmp(&a->type, &b->type, sizeof(a->type));
}

/* What is linear is linear: another byte of the same page or block, by the same descriptors. */
static void check_neighbour(struct guest *guest, const struct question *question, uint64_t delta,
			    const struct sv_translation *first)
{
	uint64_t room = first->last - first->ipa;
	struct sv_translation out;

	delta = room == UINT64_MAX ? delta : delta % (room + 1);
	claim(ask(guest, question, question->va + delta, &out) == SV_OK);
	claim(out.ipa == first->ipa + delta);
	out.ipa = first->ipa;
	claim(same(&out, first));
}

static void take_question(struct fuzz_input *input, struct guest *guest, struct question *question)
{
	uint8_t shape = (uint8_t)fuzz_take(input, 1), kind = (uint8_t)fuzz_take(input, 1);

	*question = (struct question){.features = (unsigned)fuzz_take(input, 3) & 0x3ffff};
	if (shape & 0x3f)
		question->features |= SV_MMU_PA_BITS(32 + (shape & 0x3f) % 21);
	question->va = fuzz_take(input, 8);
	question->context.sctlr_el1 = fuzz_take(input, 8) ^ SV_SCTLR_M;
	question->context.pstate = fuzz_take(input, 4);
	question->kind = (struct sv_access_kind){
		.write = kind & 1, .fetch = (kind & 6) == 6, .el0 = kind & 8, .atomic = kind & 16};
	question->kind.write &= !question->kind.fetch;
	question->kind.atomic &= question->kind.write;
	guest->broken = shape & 0x40 ? SV_SCTLR_EL1 + (kind >> 5) : SV_REG_COUNT;
	for (unsigned reg = SV_TCR_EL1; reg <= SV_POR_EL1; reg++)
		guest->regs[reg] = fuzz_take(input, reg <= SV_TTBR1_EL1 ? 8 : reg == SV_TCR2_EL1 ? 3 : 4);
	/* Half of them with tables of 4 KiB and 48 bits, from which all else is a bit away. */
	if (shape & 0x80)
		guest->regs[SV_TCR_EL1] ^= 16 | 16 << 16 | UINT64_C(2) << 30 | UINT64_C(5) << 32;
	for (unsigned i = 0; i < LEVELS; i++) {
		uint8_t end = (uint8_t)fuzz_take(input, 1);

		/* A table, unless the input says otherwise; the access flag where it is a leaf. */
		guest->descriptors[i] = fuzz_take(input, 8) ^ 0x403;
		guest->ends[i] = end == 0xff ? SV_FAULT : end == 0xfe ? SV_TRANSLATION : SV_OK;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, data + size};
	struct sv_translation out, again;
	struct question question;
	struct guest guest = {{0}};
	unsigned reads;
	enum sv_status status;
	uint64_t delta;

	take_question(&input, &guest, &question);
	delta = fuzz_take(&input, 4);
	status = ask(&guest, &question, question.va, &out);
	check_answer(&guest, &question, status, &out);
	reads = guest.reads;
	claim(ask(&guest, &question, question.va, &again) == status);
	claim(guest.reads == reads && same(&out, &again));
	if (status == SV_OK)
		check_neighbour(&guest, &question, delta, &out);
	return 0;
}
