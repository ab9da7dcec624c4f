/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two roads of injection on a real KVM. A vCPU is brought to an abort, many times over, in states that
 * differ in all that exception entry depends on; the kernel makes an external data abort of it, then, from
 * the same state, salvage does by registers; every register is compared, and so is what the guest's handler
 * reads.
 *
 * Where the two differ on purpose the difference is asserted, so that docs/injection.md stays true.
 *
 * roads [SEED]: TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <salvage/except.h>
#include <salvage/kvm.h>
#include <salvage/regs.h>

#include "kvm/uapi.h"
#include "kvm/vcpu.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define CAP_ARM_MTE 205

#define RAM      UINT64_C(0x40000000)
#define RAM_SIZE 0x10000
#define CODE     (RAM + 0x4000)
#define VECTORS  (RAM + 0x1000)
#define HOLE     UINT64_C(0x0b000000)
#define MAILBOX  UINT64_C(0x0a000000) /* where the handlers write to */

#define PSTATE_DAIF (UINT64_C(15) << 6)
#define PSTATE_A    (UINT64_C(1) << 8)
#define PSTATE_SSBS (UINT64_C(1) << 12)
#define PSTATE_DIT  (UINT64_C(1) << 24)
#define PSTATE_TCO  (UINT64_C(1) << 25)
#define SCTLR_RESET UINT64_C(0x30d00800) /* RES1 bits of the first architecture; SPAN is one of them */
#define SCTLR_SPAN  (UINT64_C(1) << 23)
#define SCTLR_DSSBS (UINT64_C(1) << 44)
#define SCTLR2_EASE (UINT64_C(1) << 5)
#define ESR_WnR     (UINT64_C(1) << 6)
#define ESR_FnV     (UINT64_C(1) << 10)
#define SCTLR2_EL1  SV_KVM_SYSREG(UINT64_C(3), 0, 1, 0, 3)

static unsigned tests, failures, sets, events;
static uint64_t seed = 0x5a17a6e;

static uint64_t random_next(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void result(bool good, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	printf("%s %u - ", good ? "ok" : "not ok", ++tests);
	vprintf(format, arguments);
	putchar('\n');
	va_end(arguments);
	failures += !good;
}

static _Noreturn void die(const char *what, int error)
{
	printf("Bail out! %s: %s\n", what, strerror(error));
	exit(1);
}

/* Counts what tells the roads apart. */
static int counting_ioctl(void *opaque, int fd, unsigned long request, void *argument)
{
	int rc = ioctl(fd, request, argument);

	if (request == SV_KVM_SET_ONE_REG)
		sets++;
	if (request == SV_KVM_SET_VCPU_EVENTS)
		events++;
	return rc < 0 ? -errno : rc;
}

static const struct sv_kvm_backend backend = {.ioctl = counting_ioctl};
static struct sv_kvm_vcpu vcpu;
static struct sv_kvm_run *run;
static uint32_t *ram;
static unsigned features;
static bool mte;

static int request(int fd, unsigned long number, void *argument, const char *what)
{
	int rc = ioctl(fd, number, argument);

	if (rc < 0)
		die(what, errno);
	return rc;
}

static uint64_t get(enum sv_reg reg)
{
	uint64_t value = 0;

	if (sv_kvm_get(&vcpu, reg, &value))
		die("KVM_GET_ONE_REG", EIO);
	return value;
}

static void set(enum sv_reg reg, uint64_t value)
{
	if (sv_kvm_set(&vcpu, reg, value))
		die("KVM_SET_ONE_REG", EIO);
}

static void set_sctlr2(uint64_t value)
{
	struct sv_kvm_one_reg reg = {.id = SCTLR2_EL1, .addr = (uintptr_t)&value};

	request(vcpu.fd, SV_KVM_SET_ONE_REG, &reg, "SCTLR2_EL1");
}

/* In each slot of the table: what the handler sees, for the outside to look at in x10 to x13. */
static const uint32_t handler[] = {
	0xd538520a, /* mrs x10, esr_el1 */
	0xd538600b, /* mrs x11, far_el1 */
	0xd538402c, /* mrs x12, elr_el1 */
	0xd538400d, /* mrs x13, spsr_el1 */
	0xf900012a, /* str x10, [x9] */
	0x14000000, /* b . */
};

static void start(void)
{
	struct sv_kvm_userspace_memory_region slot = {.guest_phys_addr = RAM, .memory_size = RAM_SIZE};
	struct sv_kvm_enable_cap cap = {.cap = CAP_ARM_MTE};
	struct sv_kvm_vcpu_init init;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, fd, size;

	if (kvm < 0)
		die("/dev/kvm", errno);
	vm = request(kvm, SV_KVM_CREATE_VM, NULL, "KVM_CREATE_VM");
	mte = !ioctl(vm, SV_KVM_ENABLE_CAP, &cap);
	if (!(sv_kvm_enable(&backend, vm, SV_KVM_NISV) & SV_KVM_NISV)) {
		printf("1..0 # SKIP this kernel has no KVM_CAP_ARM_NISV_TO_USER\n");
		exit(0);
	}
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED)
		die("mmap", errno);
	for (unsigned slot_number = 0; slot_number < 16; slot_number++)
		memcpy(ram + (VECTORS - RAM) / 4 + slot_number * 0x20, handler, sizeof(handler));
	slot.userspace_addr = (uintptr_t)ram;
	request(vm, SV_KVM_SET_USER_MEMORY_REGION, &slot, "KVM_SET_USER_MEMORY_REGION");
	fd = request(vm, SV_KVM_CREATE_VCPU, NULL, "KVM_CREATE_VCPU");
	request(vm, SV_KVM_ARM_PREFERRED_TARGET, &init, "KVM_ARM_PREFERRED_TARGET");
	request(fd, SV_KVM_ARM_VCPU_INIT, &init, "KVM_ARM_VCPU_INIT");
	size = request(kvm, SV_KVM_GET_VCPU_MMAP_SIZE, NULL, "KVM_GET_VCPU_MMAP_SIZE");
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (run == MAP_FAILED)
		die("mmap", errno);
	if (sv_kvm_vcpu_init(&vcpu, &backend, fd, (struct kvm_run *)run, init.features[0]) ||
	    sv_kvm_except_features(&vcpu, &features))
		die("ID registers", EIO);
}

static void run_to(uint32_t reason)
{
	if (ioctl(vcpu.fd, SV_KVM_RUN, NULL))
		die("KVM_RUN", errno);
	if (run->exit_reason != reason) {
		printf("# exit %u at pc %llx\n", run->exit_reason, (unsigned long long)get(SV_PC));
		die("an exit that was not expected", EIO);
	}
}

/* Lets KVM finish whatever it has pending, without running the guest. */
static void drain(void)
{
	run->immediate_exit = 1;
	if (!ioctl(vcpu.fd, SV_KVM_RUN, NULL) || errno != EINTR)
		die("KVM_RUN with immediate_exit", errno);
	run->immediate_exit = 0;
}

static void settle(void)
{
	if (sv_kvm_settle(&vcpu))
		die("sv_kvm_settle", errno);
}

/* The instructions that abort. */
static const struct stop {
	const char *name;
	uint32_t word, exit;
} stops[] = {
	{"ldr x1, [x0], #8", 0xf8408401, SV_KVM_EXIT_ARM_NISV},
	{"stp x1, x2, [x0]", 0xa9000801, SV_KVM_EXIT_ARM_NISV},
	{"ldr x1, [x0]", 0xf9400001, SV_KVM_EXIT_MMIO},
	{"str x1, [x0]", 0xf9000001, SV_KVM_EXIT_MMIO},
};
enum { NISV_READ, NISV_WRITE, MMIO_READ, MMIO_WRITE };

struct state {
	uint64_t pstate, sctlr, sctlr2, vbar;
	uint64_t x[31], sp_el0, sp_el1, elr, spsr, esr, far;
};

static uint64_t lost; /* bits of PSTATE that did not survive the guest's own instruction */

/* Brings the vCPU to its abort in this state. */
static void bring(const struct state *state, unsigned stop)
{
	drain();
	ram[(CODE - RAM) / 4] = stops[stop].word;
	__builtin___clear_cache((char *)ram + (CODE - RAM), (char *)ram + (CODE - RAM) + 4);
	for (unsigned n = 0; n < 31; n++)
		set((enum sv_reg)n, state->x[n]);
	set(SV_SP_EL0, state->sp_el0);
	set(SV_SP_EL1, state->sp_el1);
	set(SV_PC, CODE);
	set(SV_PSTATE, state->pstate);
	set(SV_SCTLR_EL1, state->sctlr);
	set(SV_VBAR_EL1, state->vbar);
	set(SV_ELR_EL1, state->elr);
	set(SV_SPSR_EL1, state->spsr);
	set(SV_ESR_EL1, state->esr);
	set(SV_FAR_EL1, state->far);
	if (features & SV_EXCEPT_DF2)
		set_sctlr2(state->sctlr2);
	run_to(stops[stop].exit);
	/* SS, for one, is gone where nobody steps: a guest debugged by itself has it here. */
	if (get(SV_PSTATE) != state->pstate) {
		lost |= get(SV_PSTATE) ^ state->pstate;
		set(SV_PSTATE, state->pstate);
	}
}

/* All registers afterwards, and then those that the handler saw. */
static const struct {
	const char *name;
	enum sv_reg reg;
} system_regs[] = {
	{"SP_EL0", SV_SP_EL0},     {"SP_EL1", SV_SP_EL1},   {"PC", SV_PC},
	{"PSTATE", SV_PSTATE},     {"ELR_EL1", SV_ELR_EL1}, {"SPSR_EL1", SV_SPSR_EL1},
	{"ESR_EL1", SV_ESR_EL1},   {"FAR_EL1", SV_FAR_EL1}, {"SCTLR_EL1", SV_SCTLR_EL1},
	{"VBAR_EL1", SV_VBAR_EL1},
};

struct snapshot {
	uint64_t x[31], system[COUNT(system_regs)];
	uint64_t seen[5]; /* ESR, FAR, ELR, SPSR in the handler, and where it wrote */
};

static void look(struct snapshot *snapshot)
{
	for (unsigned n = 0; n < 31; n++)
		snapshot->x[n] = get((enum sv_reg)n);
	for (size_t i = 0; i < COUNT(system_regs); i++)
		snapshot->system[i] = get(system_regs[i].reg);
}

static uint64_t *system_of(struct snapshot *snapshot, enum sv_reg reg)
{
	for (size_t i = 0; i < COUNT(system_regs); i++)
		if (system_regs[i].reg == reg)
			return &snapshot->system[i];
	abort();
}

/*
 * Some kernels (6.1 is one) extend the sign of the syndrome they make, and the guest reads ones in ISS2.
 * Taken out here, so that all else is compared; said at the end.
 */
static bool sign_extended;

static void take_out_sign(uint64_t *esr)
{
	if (*esr >> 32 != 0xffffffff)
		return;
	sign_extended = true;
	*esr &= 0xffffffff;
}

/* Takes a road from this state: what registers say, then what the guest sees. */
static enum sv_status take(const struct state *state, unsigned stop, const struct sv_injection *injection,
			   bool kernel, struct snapshot *snapshot)
{
	enum sv_status status;

	bring(state, stop);
	sets = events = 0;
	status = sv_kvm_inject(&vcpu, injection);
	if (status)
		return status;
	if (kernel ? !events || sets : events || !sets) {
		printf("# the wrong road: %u KVM_SET_VCPU_EVENTS, %u KVM_SET_ONE_REG\n", events, sets);
		return SV_UNSUPPORTED;
	}
	settle();
	look(snapshot);
	run_to(SV_KVM_EXIT_MMIO);
	for (unsigned i = 0; i < 4; i++)
		snapshot->seen[i] = get((enum sv_reg)(10 + i));
	snapshot->seen[4] = run->mmio.phys_addr;
	if (kernel) {
		take_out_sign(system_of(snapshot, SV_ESR_EL1));
		take_out_sign(&snapshot->seen[0]);
	}
	return SV_OK;
}

/* The number of differences; prints those of the first few states. */
static unsigned compare(const struct state *state, unsigned stop, const struct snapshot *kernel,
			const struct snapshot *ours)
{
	static unsigned told;
	unsigned differences = 0;

	for (unsigned i = 0; i < 31 + COUNT(system_regs) + 4; i++) {
		bool general = i < 31, system = !general && i < 31 + COUNT(system_regs);
		unsigned n = general ? i : system ? i - 31 : i - 31 - (unsigned)COUNT(system_regs);
		uint64_t theirs = general ? kernel->x[n] : system ? kernel->system[n] : kernel->seen[n];
		uint64_t our = general ? ours->x[n] : system ? ours->system[n] : ours->seen[n];

		if (theirs == our)
			continue;
		differences++;
		if (told++ < 20)
			printf("# %s, PSTATE %llx, SCTLR_EL1 %llx: %s %u: KVM %llx, salvage %llx\n",
			       stops[stop].name, (unsigned long long)state->pstate,
			       (unsigned long long)state->sctlr,
			       general  ? "x"
			       : system ? system_regs[n].name
					: "in the handler, of ESR, FAR, ELR, SPSR number",
			       n, (unsigned long long)theirs, (unsigned long long)our);
	}
	return differences + (ours->seen[4] != MAILBOX) + (kernel->seen[4] != MAILBOX);
}

/* What the states differ in: all combinations of these, as far as the vCPU has them. */
static const struct {
	const char *name;
	uint64_t pstate, sctlr, sctlr2;
	unsigned feature;
} dimensions[] = {
	{"PAN", .pstate = SV_PSTATE_PAN, .feature = SV_EXCEPT_PAN},
	{"not SPAN", .sctlr = SCTLR_SPAN, .feature = SV_EXCEPT_PAN},
	{"UAO", .pstate = SV_PSTATE_UAO},
	{"SSBS", .pstate = PSTATE_SSBS, .feature = SV_EXCEPT_SSBS},
	{"DSSBS", .sctlr = SCTLR_DSSBS, .feature = SV_EXCEPT_SSBS},
	{"DIT", .pstate = PSTATE_DIT},
	{"TCO", .pstate = PSTATE_TCO, .feature = SV_EXCEPT_MTE},
	{"BTYPE[0]", .pstate = UINT64_C(1) << 10},
	{"BTYPE[1]", .pstate = UINT64_C(1) << 11},
	{"SS", .pstate = SV_PSTATE_SS},
	{"EASE", .sctlr2 = SCTLR2_EASE, .feature = SV_EXCEPT_DF2},
};
static const uint64_t modes[] = {0x0, 0x4, 0x5};

/* Registers at random, for the rest what the combination says. */
static struct state state_of(unsigned mode, unsigned combination)
{
	struct state state = {.pstate = modes[mode], .sctlr = SCTLR_RESET, .vbar = VECTORS};

	for (size_t i = 0; i < COUNT(dimensions); i++)
		if (combination >> i & 1) {
			state.pstate ^= dimensions[i].pstate;
			state.sctlr ^= dimensions[i].sctlr;
			state.sctlr2 ^= dimensions[i].sctlr2;
		}
	/* NZCV and DAIF; interrupts there are none. */
	state.pstate |= random_next() & (UINT64_C(0xf0000000) | PSTATE_DAIF);
	for (unsigned n = 0; n < 31; n++)
		state.x[n] = random_next();
	state.x[0] = HOLE + (random_next() & 0xfff8);
	state.x[9] = MAILBOX;
	state.sp_el0 = random_next();
	state.sp_el1 = random_next();
	state.elr = random_next();
	state.spsr = modes[random_next() % 3];
	state.esr = random_next() & 0xffffffff;
	state.far = random_next();
	return state;
}

static const struct sv_injection answer = {SV_EXCEPTION_DATA_EXTERNAL, SV_FSC_EXTERNAL};

static struct sv_injection at(uint64_t va)
{
	struct sv_injection injection = answer;

	injection.va = va;
	injection.va_exact = true;
	return injection;
}

static void all_states(void)
{
	unsigned compared = 0, different = 0, missing = 0, expected = COUNT(stops) * COUNT(modes);

	printf("# states: EL0, EL1t, EL1h; NZCV and DAIF at random; all combinations of");
	for (size_t i = 0; i < COUNT(dimensions); i++)
		if (dimensions[i].feature && !(features & dimensions[i].feature))
			missing |= 1u << i;
		else {
			printf(" %s,", dimensions[i].name);
			expected *= 2;
		}
	printf(" and four instructions\n");
	for (size_t i = 0; i < COUNT(dimensions); i++)
		if (missing >> i & 1)
			printf("# not here: %s, which this vCPU does not have\n", dimensions[i].name);
	for (unsigned combination = 0; combination < 1u << COUNT(dimensions); combination++)
		for (unsigned mode = 0; mode < COUNT(modes) && !(combination & missing); mode++) {
			struct state state = state_of(mode, combination);
			struct sv_injection exact = at(state.x[0]);
			struct snapshot kernel, ours;
			/* By registers from one kind of exit only; the registers are the same in any case. */
			if (take(&state, NISV_READ, &exact, false, &ours)) {
				result(false, "the register road failed");
				return;
			}
			for (unsigned stop = 0; stop < COUNT(stops); stop++) {
				if (take(&state, stop, &answer, true, &kernel)) {
					result(false, "the kernel's road failed");
					return;
				}
				compared++;
				different += compare(&state, stop, &kernel, &ours) != 0;
			}
		}
	printf("# PSTATE bits set again at the exit, because the guest's own instruction lost them: 0x%llx\n",
	       (unsigned long long)lost);
	result(compared == expected && !different, "%u states compared, %u differ", compared, different);
}

/* What KVM does not say of an external abort, and salvage does where it is asked for. */
static void syndrome_differs(void)
{
	struct state state = state_of(2, 0);
	struct sv_injection injection = at(state.x[0]);
	struct snapshot kernel, ours;

	injection.write = true;
	result(!take(&state, NISV_WRITE, &answer, true, &kernel) &&
		       !take(&state, NISV_WRITE, &injection, false, &ours) &&
		       (kernel.seen[0] ^ ours.seen[0]) == ESR_WnR && kernel.seen[1] == ours.seen[1],
	       "of a write KVM reports no WnR, salvage does where va_exact is asked for");
	injection = answer;
	injection.fnv = true;
	result(!take(&state, NISV_READ, &answer, true, &kernel) &&
		       !take(&state, NISV_READ, &injection, false, &ours) &&
		       (kernel.seen[0] ^ ours.seen[0]) == ESR_FnV && ours.seen[1] == 0,
	       "FnV: by registers, FAR_EL1 is 0");
}

/* Kinds that KVM does not make at all reach the guest as they were asked for, from every level. */
static void other_kinds(void)
{
	static const struct {
		const char *name;
		enum sv_exception_kind kind;
		uint8_t fsc;
		uint64_t esr_el0, esr_el1;
	} kinds[] = {
		{"external instruction abort", SV_EXCEPTION_INSTRUCTION_EXTERNAL, 0x10, 0x82000010,
		 0x86000010},
		{"external abort on a walk", SV_EXCEPTION_DATA_EXTERNAL, 0x16, 0x92000016, 0x96000016},
		{"translation fault", SV_EXCEPTION_DATA_STAGE1, 0x06, 0x92000006, 0x96000006},
		{"permission fault of a fetch", SV_EXCEPTION_INSTRUCTION_STAGE1, 0x0f, 0x8200000f,
		 0x8600000f},
		{"alignment fault", SV_EXCEPTION_ALIGNMENT, 0x21, 0x92000021, 0x96000021},
		{"unsupported atomic", SV_EXCEPTION_UNSUPPORTED_ATOMIC, 0x35, 0x92000035, 0x96000035},
	};

	for (size_t i = 0; i < COUNT(kinds); i++) {
		bool good = true;

		for (unsigned mode = 0; mode < COUNT(modes); mode++) {
			struct state state = state_of(mode, 0);
			struct sv_injection injection = {kinds[i].kind, kinds[i].fsc, .va = 0x123456789abc,
							 .va_exact = true};
			uint64_t esr = mode ? kinds[i].esr_el1 : kinds[i].esr_el0;
			struct snapshot ours;

			good &= !take(&state, NISV_READ, &injection, false, &ours) && ours.seen[0] == esr &&
				ours.seen[1] == 0x123456789abc && ours.seen[2] == CODE &&
				ours.seen[3] == state.pstate;
		}
		result(good, "%s reaches the guest", kinds[i].name);
	}
}

/* VBAR_EL1[10:0] are RES0: KVM adds to what is written there, salvage leaves it out. */
static void vector_base(void)
{
	struct state state = state_of(2, 0);
	struct sv_injection injection = at(state.x[0]);
	uint64_t kernel, ours;

	state.vbar |= 0x40;
	bring(&state, NISV_READ);
	sv_kvm_inject(&vcpu, &answer);
	settle();
	kernel = get(SV_PC);
	bring(&state, NISV_READ);
	sv_kvm_inject(&vcpu, &injection);
	ours = get(SV_PC);
	printf("# with VBAR_EL1 0x%llx KVM enters at 0x%llx, salvage at 0x%llx\n",
	       (unsigned long long)get(SV_VBAR_EL1), (unsigned long long)kernel, (unsigned long long)ours);
	result(ours == VECTORS + 0x200 && (kernel == ours || kernel == ours + 0x40),
	       "low bits of VBAR_EL1 are left out");
}

/* PAN and SSBS where they do not exist: KVM looks at SCTLR_EL1 alone. */
static void missing_features(void)
{
	static const struct {
		const char *name;
		unsigned feature;
		uint64_t sctlr, bit;
	} bits[] = {
		{"PAN", SV_EXCEPT_PAN, SCTLR_SPAN, SV_PSTATE_PAN},
		{"SSBS", SV_EXCEPT_SSBS, SCTLR_DSSBS, PSTATE_SSBS},
	};

	for (size_t i = 0; i < COUNT(bits); i++) {
		struct state state = state_of(2, 0);
		struct sv_injection injection = at(state.x[0]);
		uint64_t kernel, ours;

		if (features & bits[i].feature) {
			result(true, "without %s none is set # SKIP this vCPU has it", bits[i].name);
			continue;
		}
		state.sctlr ^= bits[i].sctlr;
		bring(&state, NISV_READ);
		sv_kvm_inject(&vcpu, &answer);
		settle();
		kernel = get(SV_PSTATE);
		bring(&state, NISV_READ);
		sv_kvm_inject(&vcpu, &injection);
		ours = get(SV_PSTATE);
		printf("# PSTATE after KVM 0x%llx, after salvage 0x%llx\n", (unsigned long long)kernel,
		       (unsigned long long)ours);
		result(!(ours & bits[i].bit) && (kernel == ours || (kernel ^ ours) == bits[i].bit),
		       "without %s none is set", bits[i].name);
	}
}

static bool equal(const struct snapshot *one, const struct snapshot *other)
{
	return !memcmp(one->x, other->x, sizeof(one->x)) &&
	       !memcmp(one->system, other->system, sizeof(one->system));
}

/* After a plain MMIO exit the instruction is still KVM's to complete, whatever the PC says by then. */
static void pending_mmio(void)
{
	struct state state = state_of(2, 0);
	struct sv_injection injection = at(state.x[0]);
	struct snapshot before, after;
	static const uint64_t data = 0x1122334455667788;

	for (unsigned stop = MMIO_READ; stop <= MMIO_WRITE; stop++) {
		bool read = stop == MMIO_READ;

		bring(&state, stop);
		set(SV_PC, VECTORS);
		memcpy(run->mmio.data, &data, sizeof(data));
		drain();
		result(get(SV_PC) == VECTORS + 4 && get((enum sv_reg)1) == (read ? data : state.x[1]),
		       "%s: KVM completes it at a moved PC: %sPC+4", stops[stop].name,
		       read ? "Rt written, " : "");

		bring(&state, stop);
		look(&before);
		sets = events = 0;
		result(sv_kvm_inject(&vcpu, &injection) == SV_UNSUPPORTED && !sets && !events,
		       "%s: the register road is refused", stops[stop].name);
		look(&after);
		result(equal(&before, &after), "%s: and nothing has changed", stops[stop].name);

		memcpy(run->mmio.data, &data, sizeof(data));
		result(sv_kvm_inject(&vcpu, &answer) == SV_OK && events && !sets,
		       "%s: the kernel's road is open", stops[stop].name);
		run_to(SV_KVM_EXIT_MMIO);
		result(run->mmio.phys_addr == MAILBOX && get((enum sv_reg)1) == state.x[1] &&
			       get((enum sv_reg)12) == CODE,
		       "%s: and the guest is in its handler, nothing completed", stops[stop].name);

		bring(&state, stop);
		memcpy(run->mmio.data, &data, sizeof(data));
		sv_kvm_inject(&vcpu, &answer);
		settle();
		result(get(SV_PC) == VECTORS + 0x200 && get((enum sv_reg)1) == state.x[1] &&
			       get(SV_ELR_EL1) == CODE,
		       "%s: sv_kvm_settle shows the handler, nothing completed", stops[stop].name);
		run_to(SV_KVM_EXIT_MMIO);
		result(run->mmio.phys_addr == MAILBOX && get((enum sv_reg)1) == state.x[1] &&
			       get((enum sv_reg)12) == CODE,
		       "%s: and so it stays when the guest runs", stops[stop].name);
	}
}

/* When registers show it: at once, or only at the next KVM_RUN, which sv_kvm_settle is. */
static void when(void)
{
	struct state state = state_of(0, 0);
	struct snapshot at_once, settled;

	bring(&state, NISV_READ);
	sv_kvm_inject(&vcpu, &answer);
	look(&at_once);
	settle();
	look(&settled);
	printf("# this kernel enters the exception %s\n",
	       equal(&at_once, &settled) ? "at once" : "at the next KVM_RUN");
	result(*system_of(&settled, SV_PC) == VECTORS + 0x400 &&
		       *system_of(&settled, SV_SPSR_EL1) == state.pstate &&
		       (equal(&at_once, &settled) || *system_of(&at_once, SV_PC) == CODE),
	       "sv_kvm_settle shows the exception");
}

/* Last: an SError that is pending cannot be taken back. */
static void serror(void)
{
	static const struct sv_injection injection = {SV_EXCEPTION_SERROR, .has_iss = true, .iss = 0x11};
	struct state state = state_of(2, 0);
	struct sv_kvm_vcpu_events pending;
	struct snapshot before, after;
	struct sv_entry entry;
	enum sv_status status;

	state.pstate &= ~PSTATE_A;
	bring(&state, NISV_READ);
	status = sv_kvm_inject(&vcpu, &injection);
	if (!(features & SV_EXCEPT_RAS)) {
		result(status == SV_UNSUPPORTED && get(SV_PC) == CODE,
		       "SError with ISS is refused without RAS");
		return;
	}
	entry = (struct sv_entry){.sctlr_el1 = state.sctlr,
				  .vbar_el1 = state.vbar,
				  .pc = CODE,
				  .pstate = state.pstate,
				  .far_el1 = state.far};
	sv_exception_take(&entry, &injection, features);
	/* Before 6.17 or so it is left to the CPU, at the next entry of the guest. */
	run_to(SV_KVM_EXIT_MMIO);
	result(status == SV_OK && get((enum sv_reg)10) == entry.esr_el1 &&
		       get((enum sv_reg)11) == state.far && get((enum sv_reg)12) == CODE &&
		       get((enum sv_reg)13) == state.pstate && get(SV_PC) == entry.pc + 16,
	       "SError, not masked: taken, FAR_EL1 left alone");

	state.pstate |= PSTATE_A;
	bring(&state, NISV_READ);
	look(&before);
	status = sv_kvm_inject(&vcpu, &injection);
	look(&after);
	request(vcpu.fd, SV_KVM_GET_VCPU_EVENTS, &pending, "KVM_GET_VCPU_EVENTS");
	result(status == SV_OK && equal(&before, &after) && pending.exception.serror_pending &&
		       pending.exception.serror_esr == 0x11,
	       "SError, masked: pending, nothing changed");
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	start();
	printf("# seed 0x%llx, features 0x%x%s\n", (unsigned long long)seed, features,
	       mte ? "" : ", no KVM_CAP_ARM_MTE");
	when();
	syndrome_differs();
	other_kinds();
	vector_base();
	missing_features();
	pending_mmio();
	all_states();
	serror();
	if (sign_extended)
		printf("# this kernel sets ESR_EL1[63:32]\n");
	printf("1..%u\n", tests);
	return failures != 0;
}
