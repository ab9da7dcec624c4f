/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KVM_SET_VCPU_EVENTS: arch/arm64/kvm/guest.c and inject_fault.c. Since Linux 6.17 an exception is taken when
 * it is asked for, before that at the next KVM_RUN: the family "dabt".
 */
#include <inttypes.h>
#include <string.h>

#include "../case.h"

static int set(struct conform *conform, const struct sv_kvm_vcpu_events *events)
{
	struct sv_kvm_vcpu_events copy = *events;

	return conform_vcpu_ioctl(conform, SV_KVM_SET_VCPU_EVENTS, &copy);
}

static const struct sv_kvm_vcpu_events dabt = {.exception.ext_dabt_pending = 1},
				       serror = {.exception.serror_pending = 1},
				       serror_esr = {.exception = {.serror_pending = 1,
								   .serror_has_esr = 1,
								   .serror_esr = 0x1234}},
				       both = {.exception = {.serror_pending = 1, .ext_dabt_pending = 1}};

static void at_exit(struct conform *conform, const struct sv_kvm_vcpu_events *events)
{
	conform_start(conform);
	conform_until(conform, CONFORM_EXIT);
	/* In case that it is completed all the same. */
	conform_answer(conform);
	conform_result(conform, "KVM_SET_VCPU_EVENTS", set(conform, events));
	conform_say_pc(conform);
	conform_say_events(conform);
	conform_drive(conform);
}

static void abort_at_exit(struct conform *conform)
{
	at_exit(conform, &dabt);
}

static void both_at_exit(struct conform *conform)
{
	at_exit(conform, &both);
}

static void serror_at_exit(struct conform *conform)
{
	at_exit(conform, &serror);
}

/* The SError's syndrome is refused when the data abort is on its way already. */
static void refused_after_abort(struct conform *conform)
{
	struct sv_kvm_vcpu_events events = both;

	events.exception.serror_has_esr = 1;
	events.exception.serror_esr = UINT64_C(1) << 25;
	at_exit(conform, &events);
}

/* What is refused changes nothing: the load is completed. */
static void refused(struct conform *conform)
{
	struct sv_kvm_vcpu_events events;

	conform_start(conform);
	conform_until(conform, CONFORM_EXIT);
	for (unsigned i = 0; i < sizeof(events.exception.pad); i++) {
		events = dabt;
		events.exception.pad[i] = 1;
		conform_line(conform, "padding %u: %s", i, conform_errno(-set(conform, &events)));
	}
	for (unsigned i = 0; i < sizeof(events.reserved) / sizeof(*events.reserved); i += 11) {
		events = dabt;
		events.reserved[i] = 1;
		conform_line(conform, "reserved %u: %s", i, conform_errno(-set(conform, &events)));
	}
	events = serror_esr;
	events.exception.serror_esr = UINT64_C(1) << 25;
	conform_line(conform, "syndrome with bit 25: %s", conform_errno(-set(conform, &events)));
	events = serror_esr;
	events.exception.serror_esr = UINT64_C(1) << 32;
	conform_line(conform, "syndrome with bit 32: %s", conform_errno(-set(conform, &events)));
	conform_answer(conform);
	conform_say_pc(conform);
	conform_say_events(conform);
	conform_drive(conform);
}

/* The byte behind ext_dabt_pending is padding in mainline, an instruction abort in a proposal. */
static void instruction_abort(struct conform *conform)
{
	struct sv_kvm_vcpu_events events = {.exception.ext_iabt_pending = 1};

	conform_start(conform);
	conform_until(conform, CONFORM_EXIT);
	conform_result(conform, "KVM_SET_VCPU_EVENTS", set(conform, &events));
	conform_answer(conform);
	conform_drive(conform);
}

static void nothing_set(struct conform *conform)
{
	struct sv_kvm_vcpu_events events = {0};

	conform_start(conform);
	conform_until(conform, CONFORM_EXIT);
	conform_result(conform, "KVM_SET_VCPU_EVENTS", set(conform, &events));
	conform_answer(conform);
	conform_drive(conform);
}

/* At a sync, whose store is completed first. */
static void serror_at_sync(struct conform *conform, const struct sv_kvm_vcpu_events *events)
{
	conform_start(conform);
	conform_until(conform, CONFORM_SYNC);
	conform_complete(conform);
	conform_result(conform, "KVM_SET_VCPU_EVENTS", set(conform, events));
	conform_say_events(conform);
}

static void serror_taken(struct conform *conform)
{
	serror_at_sync(conform, &serror);
	conform_drive(conform);
}

static void serror_held(struct conform *conform)
{
	serror_at_sync(conform, &serror);
	conform_say_syndrome(conform);
	conform_drive(conform);
}

static void esr_at_sync(struct conform *conform, bool held)
{
	conform_start(conform);
	if (conform_check(conform, SV_KVM_CAP_ARM_INJECT_SERROR_ESR) <= 0)
		conform_skip(conform, "KVM_CAP_ARM_INJECT_SERROR_ESR is not there");
	conform_until(conform, CONFORM_SYNC);
	conform_complete(conform);
	conform_result(conform, "KVM_SET_VCPU_EVENTS", set(conform, &serror_esr));
	conform_say_events(conform);
	if (held)
		conform_say_syndrome(conform);
	conform_drive(conform);
}

static void serror_esr_taken(struct conform *conform)
{
	esr_at_sync(conform, false);
}

static void serror_esr_held(struct conform *conform)
{
	esr_at_sync(conform, true);
}

/* A second KVM_SET_VCPU_EVENTS without it: what was pending. */
static void serror_set_again(struct conform *conform)
{
	struct sv_kvm_vcpu_events none = {0};

	serror_at_sync(conform, &serror);
	conform_result(conform, "KVM_SET_VCPU_EVENTS", set(conform, &none));
	conform_say_events(conform);
	conform_drive(conform);
}

static const struct conform_case rows[] = {
	{.name = "inject_load",
	 .host = abort_at_exit,
	 .summary = "after a load's exit: nothing is loaded",
	 .expected = "mmio read 8 at hole+0x18\n"
		     "KVM_SET_VCPU_EVENTS: 0\n"
		     "[inject=at-once] pc vector+0x200\n"
		     "[inject=deferred] pc insn\n"
		     "events: serror 0, ext_dabt 0\n"
		     "taken: sync from el1h: esr 0x96000010 far hole+0x18 elr insn spsr 0x3c5\n"
		     "register 0x77\n"
		     "done\n"},
	{.name = "inject_store",
	 .host = abort_at_exit,
	 .summary = "after a store's exit",
	 .expected = "mmio write 4 at hole+0x1c: 11 22 33 44\n"
		     "KVM_SET_VCPU_EVENTS: 0\n"
		     "[inject=at-once] pc vector+0x200\n"
		     "[inject=deferred] pc insn\n"
		     "events: serror 0, ext_dabt 0\n"
		     "taken: sync from el1h: esr 0x96000010 far hole+0x1c elr insn spsr 0x3c5\n"
		     "over\n"
		     "done\n"},
	{.name = "inject_pair",
	 .host = abort_at_exit,
	 .flags = CASE_NISV,
	 .summary = "after KVM_EXIT_ARM_NISV",
	 .expected = "nisv: cm 0 wnr 0 fsc translation at hole+0x20, pc insn\n"
		     "KVM_SET_VCPU_EVENTS: 0\n"
		     "[inject=at-once] pc vector+0x200\n"
		     "[inject=deferred] pc insn\n"
		     "events: serror 0, ext_dabt 0\n"
		     "taken: sync from el1h: esr 0x96000010 far hole+0x20 elr insn spsr 0x3c5\n"
		     "registers 0x77 0x78\n"
		     "done\n"},
	{.name = "inject_translated",
	 .host = abort_at_exit,
	 .flags = CASE_NISV,
	 .summary = "FAR is the virtual address",
	 .expected = "nisv: cm 0 wnr 0 fsc translation at hole+0x20, pc insn\n"
		     "KVM_SET_VCPU_EVENTS: 0\n"
		     "[inject=at-once] pc vector+0x200\n"
		     "[inject=deferred] pc insn\n"
		     "events: serror 0, ext_dabt 0\n"
		     "taken: sync from el1h: esr 0x96000010 far alias:hole+0x20 elr insn spsr 0x3c5\n"
		     "registers 0x77 0x78\n"
		     "done\n"},
	{.name = "inject_el0",
	 .host = abort_at_exit,
	 .summary = "from EL0: another class, another vector",
	 .expected = "mmio read 4 at hole+0x24\n"
		     "KVM_SET_VCPU_EVENTS: 0\n"
		     "[inject=at-once] pc vector+0x400\n"
		     "[inject=deferred] pc insn\n"
		     "events: serror 0, ext_dabt 0\n"
		     "taken: sync from el0: esr 0x92000010 far hole+0x24 elr insn spsr 0x3c0\n"
		     "register 0x77\n"
		     "back\n"
		     "done\n"},
	{.name = "inject_upper",
	 .host = abort_at_exit,
	 .summary = "the syndrome has no more than 32 bits",
	 .expected = "mmio read 8 at hole+0x18\n"
		     "KVM_SET_VCPU_EVENTS: 0\n"
		     "[inject=at-once] pc vector+0x200\n"
		     "[inject=deferred] pc insn\n"
		     "events: serror 0, ext_dabt 0\n"
		     "taken: sync from el1h: esr 0x96000010 far hole+0x18 elr insn spsr 0x3c5\n"
		     "[upper-syndrome=zero] upper half of the syndrome 0x0\n"
		     "[upper-syndrome=ones] upper half of the syndrome 0xffffffff\n"
		     "done\n"},
	{.name = "inject_both",
	 .guest = "inject_then_unmask",
	 .host = both_at_exit,
	 .summary = "with an SError: the data abort comes first",
	 .expected = "mmio read 8 at hole+0x18\n"
		     "KVM_SET_VCPU_EVENTS: 0\n"
		     "[inject=at-once] pc vector+0x200\n"
		     "[inject=deferred] pc insn\n"
		     "events: serror 1, ext_dabt 0\n"
		     "taken: sync from el1h: esr 0x96000010 far hole+0x18 elr insn spsr 0x3c5\n"
		     "[ras=yes] taken: serror from el1h: esr 0xbf000000 elr insn+0x4 spsr 0x2c5\n"
		     "[ras=no] taken: serror from el1h: esr 0xbe000000 elr insn+0x4 spsr 0x2c5\n"
		     "register 0x77\n"
		     "done\n"},
	{.name = "inject_both_unmasked",
	 .guest = "inject_unmasked",
	 .host = both_at_exit,
	 .summary = "the same with SError unmasked",
	 .expected = "mmio read 8 at hole+0x18\n"
		     "KVM_SET_VCPU_EVENTS: 0\n"
		     "[inject=at-once] pc vector+0x200\n"
		     "[inject=deferred] pc insn\n"
		     "events: serror 1, ext_dabt 0\n"
		     "taken: sync from el1h: esr 0x96000010 far hole+0x18 elr insn spsr 0x2c5\n"
		     "[ras=yes] taken: serror from el1h: esr 0xbf000000 elr insn+0x4 spsr 0x2c5\n"
		     "[ras=no] taken: serror from el1h: esr 0xbe000000 elr insn+0x4 spsr 0x2c5\n"
		     "register 0x77\n"
		     "done\n"},
	{.name = "inject_none",
	 .guest = "inject_load",
	 .host = nothing_set,
	 .summary = "no event: the exit is completed",
	 .expected = "mmio read 8 at hole+0x18\n"
		     "KVM_SET_VCPU_EVENTS: 0\n"
		     "register 0xf1e2d3c4b5a69788\n"
		     "done\n"},
	{.name = "inject_refused",
	 .guest = "inject_load",
	 .host = refused,
	 .summary = "what is refused changes nothing",
	 .expected = "mmio read 8 at hole+0x18\n"
		     "padding 0: EINVAL\n"
		     "padding 1: EINVAL\n"
		     "padding 2: EINVAL\n"
		     "padding 3: EINVAL\n"
		     "reserved 0: EINVAL\n"
		     "reserved 11: EINVAL\n"
		     "syndrome with bit 25: EINVAL\n"
		     "syndrome with bit 32: EINVAL\n"
		     "pc insn\n"
		     "events: serror 0, ext_dabt 0\n"
		     "register 0xf1e2d3c4b5a69788\n"
		     "done\n"},
	{.name = "inject_refused_after",
	 .guest = "inject_load",
	 .host = refused_after_abort,
	 .summary = "a refused syndrome comes after the data abort",
	 .expected =
		 "mmio read 8 at hole+0x18\n"
		 "KVM_SET_VCPU_EVENTS: EINVAL\n"
		 "[events=abort-first] pc vector+0x200\n"
		 "[events=serror-first] pc insn\n"
		 "events: serror 0, ext_dabt 0\n"
		 "[events=abort-first] taken: sync from el1h: esr 0x96000010 far hole+0x18 elr insn spsr 0x3c5\n"
		 "[events=abort-first] register 0x77\n"
		 "[events=serror-first] register 0xf1e2d3c4b5a69788\n"
		 "done\n"},
	{.name = "inject_fetch",
	 .guest = "inject_load",
	 .host = instruction_abort,
	 .summary = "an instruction abort cannot be asked for",
	 .expected = "mmio read 8 at hole+0x18\n"
		     "KVM_SET_VCPU_EVENTS: EINVAL\n"
		     "register 0xf1e2d3c4b5a69788\n"
		     "done\n"},
	{.name = "serror_unmasked",
	 .host = serror_taken,
	 .summary = "an unmasked SError is taken",
	 .expected =
		 "KVM_SET_VCPU_EVENTS: 0\n"
		 "[inject=at-once] events: serror 0, ext_dabt 0\n"
		 "[inject=deferred] events: serror 1, ext_dabt 0\n"
		 "[unmasked-syndrome=ids] taken: serror from el1h: esr 0xbf000000 elr insn+0x4 spsr 0x2c5\n"
		 "[unmasked-syndrome=none] taken: serror from el1h: esr 0xbe000000 elr insn+0x4 spsr 0x2c5\n"
		 "on\n"
		 "done\n"},
	{.name = "serror_esr_unmasked",
	 .guest = "serror_unmasked",
	 .host = serror_esr_taken,
	 .summary = "with a syndrome",
	 .expected = "KVM_SET_VCPU_EVENTS: 0\n"
		     "[inject=at-once] events: serror 0, ext_dabt 0\n"
		     "[inject=deferred] events: serror 1, ext_dabt 0\n"
		     "taken: serror from el1h: esr 0xbe001234 elr insn+0x4 spsr 0x2c5\n"
		     "on\n"
		     "done\n"},
	{.name = "serror_masked",
	 .host = serror_held,
	 .summary = "a masked one is pending until it is unmasked",
	 .expected = "KVM_SET_VCPU_EVENTS: 0\n"
		     "events: serror 1, ext_dabt 0\n"
		     "[ras=yes] syndrome 0x1000000\n"
		     "[ras=no] no syndrome\n"
		     "isr 0x100\n"
		     "taken: sync from el1h: esr 0xf2000002 elr insn spsr 0x3c5\n"
		     "[ras=yes] taken: serror from el1h: esr 0xbf000000 elr insn+0x4 spsr 0x2c5\n"
		     "[ras=no] taken: serror from el1h: esr 0xbe000000 elr insn+0x4 spsr 0x2c5\n"
		     "isr 0x0\n"
		     "done\n"},
	{.name = "serror_esr_masked",
	 .guest = "serror_masked",
	 .host = serror_esr_held,
	 .summary = "with a syndrome",
	 .expected = "KVM_SET_VCPU_EVENTS: 0\n"
		     "events: serror 1, ext_dabt 0\n"
		     "syndrome 0x1234\n"
		     "isr 0x100\n"
		     "taken: sync from el1h: esr 0xf2000002 elr insn spsr 0x3c5\n"
		     "taken: serror from el1h: esr 0xbe001234 elr insn+0x4 spsr 0x2c5\n"
		     "isr 0x0\n"
		     "done\n"},
	{.name = "serror_set_again",
	 .guest = "serror_masked",
	 .host = serror_set_again,
	 .summary = "setting none does not take it back",
	 .expected = "KVM_SET_VCPU_EVENTS: 0\n"
		     "events: serror 1, ext_dabt 0\n"
		     "KVM_SET_VCPU_EVENTS: 0\n"
		     "events: serror 1, ext_dabt 0\n"
		     "isr 0x100\n"
		     "taken: sync from el1h: esr 0xf2000002 elr insn spsr 0x3c5\n"
		     "[ras=yes] taken: serror from el1h: esr 0xbf000000 elr insn+0x4 spsr 0x2c5\n"
		     "[ras=no] taken: serror from el1h: esr 0xbe000000 elr insn+0x4 spsr 0x2c5\n"
		     "isr 0x0\n"
		     "done\n"},
	{.name = "serror_el0",
	 .host = serror_taken,
	 .summary = "from EL0",
	 .expected =
		 "KVM_SET_VCPU_EVENTS: 0\n"
		 "[inject=at-once] events: serror 0, ext_dabt 0\n"
		 "[inject=deferred] events: serror 1, ext_dabt 0\n"
		 "[unmasked-syndrome=ids] taken: serror from el0: esr 0xbf000000 elr insn+0x4 spsr 0x2c0\n"
		 "[unmasked-syndrome=none] taken: serror from el0: esr 0xbe000000 elr insn+0x4 spsr 0x2c0\n"
		 "back\n"
		 "done\n"},
	{.name = "serror_at_exit",
	 .guest = "inject_unmasked",
	 .host = serror_at_exit,
	 .summary = "asked for at an exit that is not completed",
	 .expected = "mmio read 8 at hole+0x18\n"
		     "KVM_SET_VCPU_EVENTS: 0\n"
		     "[inject=deferred] pc insn\n"
		     "[inject=deferred] events: serror 1, ext_dabt 0\n"
		     "[inject=deferred] taken: serror from el1h: esr 0xbe000000 elr insn+0x4 spsr 0x2c5\n"
		     "[inject=at-once] pc vector+0x380\n"
		     "[inject=at-once] events: serror 0, ext_dabt 0\n"
		     "[inject=at-once] taken: serror from el1h: esr 0xbf000000 elr insn spsr 0x2c5\n"
		     "[inject=at-once] mmio read 8 at hole+0x18\n"
		     "[inject=deferred] pc insn\n"
		     "[inject=deferred] events: serror 1, ext_dabt 0\n"
		     "[inject=deferred] taken: serror from el1h: esr 0xbf000000 elr insn+0x4 spsr 0x2c5\n"
		     "register 0xf1e2d3c4b5a69788\n"
		     "done\n"},
};

const struct conform_group conform_inject = CONFORM_GROUP(rows);
