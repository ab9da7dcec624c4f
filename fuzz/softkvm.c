/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole KVM on a guest from the input: two vCPUs of softkvm take turns by a seed over the same memory, run what
 * the input put there, and what comes out of them is given to the library as a VMM gives it. Pages go bad,
 * register requests fail, memory changes between an abort and its fetch, a memslot moves. Claimed is what
 * DESIGN.md says of each abort, seen from outside: by KVM's own requests, and in memory.
 *
 * The VM is made once. Each input begins its vCPUs anew and takes all of memory out of stage 2.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <salvage/kvm.h>
#include <salvage/softkvm.h>
#include <salvage/uapi.h>

#include "kvm/vcpu.h"

#include "guest.h"

#define VCPUS 2
#define TURNS 48
#define MOST  24 /* instructions a turn */

/* Accesses of one instruction: each byte of the longest, of a copy read and written. */
#define ACCESSES_MAX (2 * SV_PLAN_BYTES)

#define MOVED (GUEST_FLASH + 0x10000)

static struct fuzz_guest guest;

static struct {
	struct sv_soft *soft;
	struct sv_kvm_backend backend;
	int vm, fds[VCPUS];
	struct sv_kvm_run *runs[VCPUS];
	struct sv_kvm_vcpu vcpus[VCPUS];
	struct sv_kvm_vcpu_init init;
} kvm;

/* Of the input that is run. */
static struct {
	unsigned aborts;   /* that the CPUs had */
	unsigned accesses; /* asked for by sessions, in all */
	uint32_t moves;    /* bit n: the flash moves at abort n */
	bool moved;
	bool fails; /* requests do: nothing can be looked at */
} did;

struct state {
	uint64_t regs[SV_REG_COUNT];
	uint8_t v[32][16];
	uint8_t ram[GUEST_RAM_SIZE];
};

static int request(int fd, unsigned long number, void *argument)
{
	return sv_soft_ioctl(kvm.soft, fd, number, argument);
}

/* In place of the signal, on the thread that would have had it. */
static void sigbus(void *opaque, int vcpu_fd, int code, void *address, unsigned lsb)
{
	siginfo_t info = {.si_code = code};
	bool shared;

	info.si_addr = address;
	info.si_addr_lsb = (short)lsb;
	sv_kvm_note(&info, &shared);
}

static int set_slot(uint32_t slot, uint32_t flags, uint64_t ipa, uint64_t size, void *host)
{
	struct sv_kvm_userspace_memory_region region = {slot, flags, ipa, size, (uintptr_t)host};

	return request(kvm.vm, SV_KVM_SET_USER_MEMORY_REGION, &region);
}

static void place_flash(bool moved)
{
	struct sv_region region = {.first = moved ? MOVED : GUEST_FLASH,
				   .kind = SV_REGION_ROM,
				   .name = "flash",
				   .host = guest.flash};

	region.last = region.first + GUEST_PAGE - 1;
	claim(!set_slot(1, SV_KVM_MEM_READONLY, region.first, GUEST_PAGE, guest.flash));
	if (sv_space_remove(&guest.space, moved ? GUEST_FLASH : MOVED, true) == SV_OK)
		sv_space_add(&guest.space, &region);
	did.moved = moved;
}

static void toggle_poison(unsigned page)
{
	static const enum sv_soft_error errors[] = {SV_SOFT_SEA, SV_SOFT_CLAIMED, SV_SOFT_HWPOISON,
						    SV_SOFT_MEMORY_FAULT, SV_SOFT_GONE};
	struct sv_soft_poison poison = {.gpa = GUEST_RAM + page * GUEST_PAGE,
					.error = errors[(page + guest.rounds) % COUNT(errors)],
					.times = guest.rounds % 4,
					.fnv = guest.rounds & 4,
					.fetch = page < 2 && guest.rounds & 8};

	if (sv_soft_heal(kvm.soft, kvm.vm, poison.gpa))
		claim(!sv_soft_poison(kvm.soft, kvm.vm, &poison));
}

/* Between the abort and KVM's look at it. */
static int at_abort(void *opaque, const struct sv_soft_event *event)
{
	uint32_t before = guest.poisoned;

	if (did.moves >> did.aborts % 32 & 1)
		place_flash(!did.moved);
	fuzz_guest_change(&guest, ++did.aborts);
	for (unsigned page = 0; page < GUEST_PAGES; page++)
		if ((before ^ guest.poisoned) >> page & 1)
			toggle_poison(page);
	return 0;
}

static void make_vm(void)
{
	int fd;

	kvm.soft = sv_soft_new(&(struct sv_soft_config){.sigbus = sigbus});
	claim(kvm.soft);
	kvm.backend = (struct sv_kvm_backend){sv_soft_ioctl, kvm.soft};
	fd = sv_soft_open(kvm.soft);
	kvm.vm = request(fd, SV_KVM_CREATE_VM, NULL);
	claim(kvm.vm >= 0 && !request(kvm.vm, SV_KVM_ARM_PREFERRED_TARGET, &kvm.init));
	kvm.init.features[0] |= 1u << SV_KVM_ARM_VCPU_PSCI_0_2;
	claim(!set_slot(0, 0, GUEST_RAM, GUEST_RAM_SIZE, guest.ram));
	claim(!set_slot(1, SV_KVM_MEM_READONLY, GUEST_FLASH, GUEST_PAGE, guest.flash));
	for (unsigned i = 0; i < VCPUS; i++) {
		kvm.fds[i] = request(kvm.vm, SV_KVM_CREATE_VCPU, (void *)(uintptr_t)i);
		kvm.runs[i] = sv_soft_run_page(kvm.soft, kvm.fds[i]);
		claim(kvm.runs[i]);
	}
	claim(sv_kvm_enable(&kvm.backend, kvm.vm, SV_KVM_NISV | SV_KVM_SEA) & SV_KVM_NISV);
	sv_soft_set_hook(kvm.soft, SV_SOFT_AT_ABORT, at_abort, NULL);
	claim(sv_kvm_watch() == SV_OK);
}

static void begin_vcpu(unsigned i)
{
	static const enum sv_reg regs[] = {SV_SP_EL0,  SV_SP_EL1,    SV_PC,        SV_SCTLR_EL1,
					   SV_TCR_EL1, SV_TTBR0_EL1, SV_TTBR1_EL1, SV_MAIR_EL1};
	struct sv_kvm_vcpu *vcpu = &kvm.vcpus[i];
	bool mapped = guest.regs[SV_SCTLR_EL1] & SV_SCTLR_M;
	uint64_t code = mapped ? GUEST_CODE : GUEST_RAM;

	memset(kvm.runs[i], 0, sizeof(*kvm.runs[i]));
	claim(!request(kvm.fds[i], SV_KVM_ARM_VCPU_INIT, &kvm.init));
	claim(!sv_kvm_vcpu_init(vcpu, &kvm.backend, kvm.fds[i], (struct kvm_run *)kvm.runs[i],
				kvm.init.features[0]));
	vcpu->index = i;
	for (unsigned n = 0; n <= 30; n++)
		sv_kvm_set(vcpu, SV_X0 + n, guest.regs[SV_X0 + n]);
	for (size_t n = 0; n < COUNT(regs); n++)
		sv_kvm_set(vcpu, regs[n], guest.regs[regs[n]]);
	/* Only what KVM takes: AArch64, EL0 or EL1. */
	sv_kvm_set(vcpu, SV_PSTATE,
		   (guest.regs[SV_PSTATE] & 0xf0200fc0) | (guest.regs[SV_PSTATE] & 4 ? 5 : 0));
	sv_kvm_set(vcpu, SV_VBAR_EL1, code + GUEST_PAGE);
	/* The other vCPU runs what the input has in the second page. */
	if (i)
		sv_kvm_set(vcpu, SV_PC, code + GUEST_PAGE + GUEST_SLOT);
	/* CPACR_EL1.FPEN: the SIMD&FP registers are the guest's. */
	sv_kvm_transfer(vcpu, SV_KVM_SET_ONE_REG, SV_KVM_SYSREG(UINT64_C(3), 0, 1, 0, 2),
			&(uint64_t){UINT64_C(3) << 20});
}

static void begin(void)
{
	if (!kvm.soft)
		make_vm();
	sv_soft_fail(kvm.soft, NULL);
	memset(&did, 0, sizeof(did));
	for (unsigned page = 0; page < GUEST_PAGES; page++)
		sv_soft_heal(kvm.soft, kvm.vm, GUEST_RAM + page * GUEST_PAGE);
	claim(!set_slot(1, SV_KVM_MEM_READONLY, GUEST_FLASH, GUEST_PAGE, guest.flash));
	sv_soft_unmap(kvm.soft, kvm.vm, 0, UINT64_MAX);
	for (unsigned i = 0; i < VCPUS; i++)
		begin_vcpu(i);
	for (unsigned page = 0; page < GUEST_PAGES; page++)
		if (guest.poisoned >> page & 1)
			toggle_poison(page);
	did.moves = guest.refusals >> 16;
	did.fails = guest.broken_reg != SV_REG_COUNT;
	if (did.fails)
		claim(!sv_soft_fail(kvm.soft, &(struct sv_soft_failure){
						      .request = guest.broken_reg & 1 ? SV_KVM_SET_ONE_REG
										      : SV_KVM_GET_ONE_REG,
						      .nth = 1 + guest.broken_reg / 2,
						      .forever = guest.cannot_inject,
						      .error = EIO,
					      }));
	claim(!sv_soft_schedule(kvm.soft, kvm.vm, guest.regs[SV_X0 + 19], 1 + guest.vector % MOST));
}

static void look(struct sv_kvm_vcpu *vcpu, struct state *state)
{
	memset(state->regs, 0, sizeof(state->regs));
	for (unsigned n = 0; n <= 30; n++)
		claim(!sv_kvm_get(vcpu, SV_X0 + n, &state->regs[SV_X0 + n]));
	for (enum sv_reg reg = SV_SP_EL0; reg <= SV_MAIR_EL1; reg++)
		claim(!sv_kvm_get(vcpu, reg, &state->regs[reg]));
	for (unsigned n = 0; n < 32; n++)
		claim(!sv_kvm_get_simd(vcpu, n, state->v[n]));
	memcpy(state->ram, guest.ram, sizeof(state->ram));
}

static unsigned changed(const struct state *before, const struct state *after)
{
	unsigned count = 0;

	for (unsigned n = 0; n <= 30; n++)
		count += before->regs[SV_X0 + n] != after->regs[SV_X0 + n];
	return count;
}

static bool same_data(const struct state *before, const struct state *after)
{
	return !changed(before, after) && before->regs[SV_SP_EL0] == after->regs[SV_SP_EL0] &&
	       before->regs[SV_SP_EL1] == after->regs[SV_SP_EL1] &&
	       !memcmp(before->v, after->v, sizeof(before->v));
}

static void judge(const struct sv_kvm_vcpu *vcpu, enum sv_verdict verdict, const struct state *before,
		  const struct state *after, unsigned accesses)
{
	const struct sv_report *report = &vcpu->session.report;
	bool done = report->ending == SV_ENDING_COMPLETED || report->ending == SV_ENDING_IGNORED;
	bool late = report->reason == SV_REASON_DEVICE_REFUSED || report->reason == SV_REASON_MEMORY_FAULT;
	uint64_t pc = after->regs[SV_PC];

	/* The word that it goes by is the one at the PC; without stage 1 it is known where that is. */
	if (report->has_word && !(before->regs[SV_SCTLR_EL1] & SV_SCTLR_M) &&
	    report->pc - GUEST_RAM < GUEST_RAM_SIZE - 4)
		claim(!memcmp(before->ram + (report->pc - GUEST_RAM), &report->word, 4));
	claim(!memcmp(&before->regs[SV_SCTLR_EL1], &after->regs[SV_SCTLR_EL1],
		      (SV_MAIR_EL1 - SV_SCTLR_EL1 + 1) * sizeof(uint64_t)));
	if (done) {
		claim(verdict == SV_VERDICT_RESUME && report->accesses == accesses);
		/* A copy or set that has more to do stays where it is. */
		claim(pc == report->pc + 4 ||
		      (pc == report->pc && report->insn.row->iclass == SV_CLASS_MOPS));
		claim(changed(before, after) <= 9 && report->pc == before->regs[SV_PC]);
		return;
	}
	claim(same_data(before, after));
	claim(late || (!accesses && !memcmp(before->ram, after->ram, sizeof(before->ram))));
	if (report->ending != SV_ENDING_INJECTED) {
		claim(pc == before->regs[SV_PC] && before->regs[SV_PSTATE] == after->regs[SV_PSTATE]);
		claim(verdict == (report->ending == SV_ENDING_RETRIED ? SV_VERDICT_RETRY : SV_VERDICT_STOP));
		return;
	}
	/* It is in one of the vectors, at EL1, with everything masked. */
	claim(verdict == SV_VERDICT_RESUME && (after->regs[SV_PSTATE] & 0x3df) == 0x3c5);
	claim(!((pc ^ (guest.regs[SV_SCTLR_EL1] & SV_SCTLR_M ? GUEST_CODE : GUEST_RAM)) &
		~UINT64_C(0x1fff)) &&
	      !(pc & 0x7f));
}

/* Sentences are for people, whatever happened. */
static void judge_text(const struct sv_report *report)
{
	static char text[2048];
	size_t length = sv_report_text(report, &guest.space, text, sizeof(text));

	claim(length && length < sizeof(text) && strlen(text) == length);
	for (size_t i = 0; i < length; i++)
		claim((uint8_t)text[i] >= ' ' && text[i] != 0x7f);
}

static void perform(struct sv_kvm_vcpu *vcpu)
{
	struct sv_access *access = &vcpu->session.access;
	const unsigned n = did.accesses++ % 16;

	for (unsigned i = 0; (access->op || !access->write) && i < access->size; i++)
		access->data[i] = (uint8_t)fuzz_noise(access->ipa, i);
	if (guest.refusals >> n & 1)
		sv_session_refuse(&vcpu->session);
}

/* False: the VMM was told to stop. */
static bool not_described(struct sv_kvm_vcpu *vcpu)
{
	static struct state before, after;
	unsigned accesses = 0;
	enum sv_verdict verdict;

	if (!did.fails)
		look(vcpu, &before);
	vcpu->cpu.host_steps = false;
	claim(sv_kvm_begin(vcpu, &guest.space, guest.policy.count ? &guest.policy : NULL));
	while ((verdict = sv_session_next(&vcpu->session)) == SV_VERDICT_ACCESS) {
		claim(++accesses <= ACCESSES_MAX);
		perform(vcpu);
	}
	claim(sv_session_next(&vcpu->session) == verdict);
	claim(vcpu->session.report.ending < SV_ENDING_COUNT && vcpu->cpu.retries <= SV_RETRY_LIMIT);
	if (!did.fails) {
		look(vcpu, &after);
		judge(vcpu, verdict, &before, &after, accesses);
	}
	return verdict != SV_VERDICT_STOP;
}

static bool described(struct sv_kvm_vcpu *vcpu, struct sv_kvm_run *run)
{
	struct sv_place place = sv_space_find(&guest.space, run->mmio.phys_addr, run->mmio.is_write);

	claim(run->mmio.len && run->mmio.len <= 8 && !(run->mmio.len & (run->mmio.len - 1)));
	if (!run->mmio.is_write)
		memset(run->mmio.data, 0x5a, sizeof(run->mmio.data));
	if (place.region)
		return true;
	return sv_kvm_hole(vcpu, &guest.space, guest.policy.count ? &guest.policy : NULL) != SV_VERDICT_STOP;
}

/* Whether errors of memory leave anything to do, and whether the run goes on. */
static bool memory_errors(struct sv_kvm_vcpu *vcpu, int rc, bool *dealt)
{
	struct sv_kvm_error error;

	*dealt = false;
	for (unsigned i = 0; sv_kvm_error(vcpu, rc, &guest.space, &error); i++) {
		claim(i <= SV_KVM_NOTES + 1);
		*dealt = *dealt || error.failed || error.record.source == SV_RAS_SEA_DATA ||
			 error.record.source == SV_RAS_SEA_INSN;
		if (sv_kvm_answer(vcpu, guest.policy.count ? &guest.policy : NULL, &error, NULL) ==
		    SV_VERDICT_STOP)
			return false;
		claim(vcpu->session.report.ending != SV_ENDING_COMPLETED);
	}
	return true;
}

static bool run(unsigned i)
{
	struct sv_kvm_vcpu *vcpu = &kvm.vcpus[i];
	int rc = sv_kvm_run(vcpu);
	bool dealt;

	if (!memory_errors(vcpu, rc, &dealt))
		return false;
	if (dealt || rc == -EINTR)
		return true;
	claim(!rc || rc == -EFAULT || rc == -EHWPOISON);
	if (rc)
		return false;
	switch (kvm.runs[i]->exit_reason) {
	case SV_KVM_EXIT_ARM_NISV:
	case SV_KVM_EXIT_ARM_LDST64B:
		return not_described(vcpu);
	case SV_KVM_EXIT_MMIO:
		return described(vcpu, kvm.runs[i]);
	default:
		claim(kvm.runs[i]->exit_reason == SV_KVM_EXIT_SYSTEM_EVENT ||
		      kvm.runs[i]->exit_reason == SV_KVM_EXIT_INTR);
		return kvm.runs[i]->exit_reason == SV_KVM_EXIT_INTR;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, data + size};
	unsigned i = 0;

	fuzz_guest_take(&guest, &input);
	begin();
	for (unsigned turn = 0; turn < TURNS; turn++) {
		int fd = sv_soft_next(kvm.soft, kvm.vm);

		if (fd < 0)
			break;
		i = fd == kvm.fds[1];
		if (!run(i))
			break;
	}
	if (size % 4 == 2)
		judge_text(&kvm.vcpus[i].session.report);
	return 0;
}
