/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in the laboratory: tiny guests whose accesses are made synchronous external aborts, and what KVM tells
 * the VMM of each, field by field. One line a case, as TAP. It uses nothing of salvage, so that what it shows
 * is the kernel's doing.
 *
 * usage: sea-probe
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#define PORT "/dev/virtio-ports/salvage.sea"

/* Of the kernel's UAPI, as of 6.19: the toolchain's headers may be older. */
#define CAP_SEA_TO_USER 245
#define EXIT_SEA        41

#define RAM_BASE  UINT64_C(0x40000000)
#define RAM_SIZE  UINT64_C(0x200000)
#define CODE      RAM_BASE
#define VECTORS   (RAM_BASE + 0x800)
#define PAGE      (RAM_BASE + 0x10000) /* what the aborts are wanted on */
#define OTHER     (RAM_BASE + 0x11000)
#define REPORT    UINT64_C(0x10000000) /* a hole: a store there comes to the VMM */
#define CONTENT   UINT64_C(0x1122334455667788)
#define PAGE_SIZE 4096
#define RUNS_MAX  16
#define PATIENCE  60000 /* ms, for an answer of the host */

/*
 * The guest: each access is followed by a store to the REPORT, and so is what the vector finds. x0: where to
 * access, x1: CONTENT, x2: REPORT.
 */
__asm__(".pushsection .rodata\n"
	".balign 8\n"
	".globl guest_load, guest_store, guest_pair, guest_jump, guest_vector, guest_landing, guest_end\n"
	"guest_load:     ldr x3, [x0, #8]\n"
	"                str x3, [x2]\n"
	"                b   .\n"
	"guest_store:    str x1, [x0, #16]\n"
	"                ldr x3, [x0, #16]\n"
	"                str x3, [x2]\n"
	"                b   .\n"
	"guest_pair:     ldp x3, x4, [x0, #8]\n"
	"                str x3, [x2]\n"
	"                b   .\n"
	"guest_jump:     br  x0\n"
	"guest_vector:   mrs x3, esr_el1\n"
	"                str x3, [x2, #8]\n"
	"                mrs x3, far_el1\n"
	"                str x3, [x2, #16]\n"
	"                mrs x3, elr_el1\n"
	"                str x3, [x2, #24]\n"
	"                b   .\n"
	"guest_landing:  str x1, [x2]\n"
	"                b   .\n"
	"guest_end:\n"
	".popsection\n");
extern const uint32_t guest_load[], guest_store[], guest_pair[], guest_jump[], guest_vector[],
	guest_landing[], guest_end[];

struct machine {
	int kvm, vm, vcpu;
	struct kvm_run *run;
	size_t run_size;
	uint8_t *ram;
};

struct sea {
	uint64_t flags, esr, gva, gpa;
};

static unsigned number;
static bool failed;

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static void line(bool good, const char *name)
{
	printf("%s %u - %s\n", good ? "ok" : "not ok", ++number, name);
	failed |= !good;
}

static bool same(const char *what, uint64_t is, uint64_t wanted)
{
	if (is != wanted)
		printf("# %s is 0x%" PRIx64 ", not 0x%" PRIx64 "\n", what, is, wanted);
	return is == wanted;
}

/* Asks the host. False, with the answer as a comment, if it is another one than wanted. */
static bool ask(const char *request, const char *wanted)
{
	static int port = -1;
	char answer[300];
	size_t length = 0;

	if (port < 0)
		port = open(PORT, O_RDWR | O_CLOEXEC);
	if (port < 0)
		die(PORT);
	if (dprintf(port, "%s\n", request) < 0)
		die("asking");
	do {
		struct pollfd wait = {.fd = port, .events = POLLIN};
		ssize_t n = poll(&wait, 1, PATIENCE) == 1
				    ? read(port, answer + length, sizeof(answer) - 1 - length)
				    : 0;

		if (n <= 0)
			die("the host does not answer");
		length += (size_t)n;
	} while (answer[length - 1] != '\n' && length < sizeof(answer) - 1);
	answer[length - 1] = 0;
	if (!strncmp(answer, wanted, strlen(wanted)))
		return true;
	printf("# %s: %s\n", request, answer);
	return false;
}

static void set(struct machine *m, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)&value};

	if (ioctl(m->vcpu, KVM_SET_ONE_REG, &reg))
		die("KVM_SET_ONE_REG");
}

static uint64_t core(unsigned index)
{
	return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | 2 * index;
}

static void put(struct machine *m, uint64_t address, const uint32_t *from, const uint32_t *to)
{
	memcpy(m->ram + (address - RAM_BASE), from, (size_t)(to - from) * sizeof(*from));
}

/* A fresh VM, none of whose pages stage 2 maps yet: the first access to each faults. */
static void create(struct machine *m, const uint32_t *code, bool to_user)
{
	enum { PC = 32, SYNCHRONOUS_SPX = 0x200 };
	struct kvm_userspace_memory_region slot = {.guest_phys_addr = RAM_BASE, .memory_size = RAM_SIZE};
	struct kvm_enable_cap cap = {.cap = CAP_SEA_TO_USER};
	struct kvm_vcpu_init init;
	int run_size;

	m->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	m->vm = ioctl(m->kvm, KVM_CREATE_VM, 0);
	if (m->vm < 0)
		die("KVM_CREATE_VM");
	if (to_user && ioctl(m->vm, KVM_ENABLE_CAP, &cap))
		die("KVM_CAP_ARM_SEA_TO_USER");
	m->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	/* One huge page would be mapped by the guest's first fetch, and nothing after it would fault. */
	if (m->ram == MAP_FAILED || madvise(m->ram, RAM_SIZE, MADV_NOHUGEPAGE))
		die("memory");
	slot.userspace_addr = (uintptr_t)m->ram;
	if (ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &slot))
		die("KVM_SET_USER_MEMORY_REGION");
	m->vcpu = ioctl(m->vm, KVM_CREATE_VCPU, 0);
	run_size = ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	m->run_size = (size_t)run_size;
	if (m->vcpu < 0 || run_size < 0 || ioctl(m->vm, KVM_ARM_PREFERRED_TARGET, &init) ||
	    ioctl(m->vcpu, KVM_ARM_VCPU_INIT, &init))
		die("KVM_ARM_VCPU_INIT");
	m->run = mmap(NULL, m->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
	if (m->run == MAP_FAILED)
		die("struct kvm_run");

	put(m, CODE, code, guest_end);
	put(m, VECTORS + SYNCHRONOUS_SPX, guest_vector, guest_landing);
	put(m, PAGE, guest_landing, guest_end);
	memcpy(m->ram + (PAGE - RAM_BASE) + 8, &(uint64_t){CONTENT}, sizeof(uint64_t));
	set(m, core(PC), CODE);
	set(m, core(0), PAGE);
	set(m, core(1), CONTENT);
	set(m, core(2), REPORT);
	set(m, ARM64_SYS_REG(3, 0, 12, 0, 0), VECTORS); /* VBAR_EL1 */
}

static void destroy(struct machine *m)
{
	munmap(m->run, m->run_size);
	close(m->vcpu);
	close(m->vm);
	close(m->kvm);
	munmap(m->ram, RAM_SIZE);
}

static unsigned enter(struct machine *m)
{
	if (ioctl(m->vcpu, KVM_RUN, 0))
		die("KVM_RUN");
	return m->run->exit_reason;
}

/* The store to the report at this offset must come now, with this value. */
static bool reports(struct machine *m, unsigned offset, uint64_t wanted, const char *what)
{
	uint64_t value;

	if (!same("exit_reason", enter(m), KVM_EXIT_MMIO) ||
	    !same("what is reported", m->run->mmio.phys_addr, REPORT + offset))
		return false;
	memcpy(&value, m->run->mmio.data, sizeof(value));
	return same(what, value, wanted);
}

/* KVM's answer is to be this exit. */
static bool aborts(struct machine *m, const struct sea *wanted)
{
	struct sea is;

	if (!same("exit_reason", enter(m), EXIT_SEA))
		return false;
	/* The union of struct kvm_run, which all exits share. */
	memcpy(&is, &m->run->mmio, sizeof(is));
	return same("flags", is.flags, wanted->flags) & same("esr", is.esr, wanted->esr) &
	       same("gva", is.gva, wanted->gva) & same("gpa", is.gpa, wanted->gpa);
}

/*
 * The exits, the guest's view after an injected external abort, and that the guest goes on when the aborts
 * are used up. far: what the guest's FAR_EL1 holds; elr: how far the aborting instruction is from its code.
 */
static const struct {
	const char *name, *spec;
	const uint32_t *code;
	unsigned times;
	struct sea sea;
	uint64_t far, elr;
} table[] = {
	{"a load", "0x40010000", guest_load, 1, {1, 0x92000010, PAGE + 8, PAGE}, PAGE + 8, CODE},
	{"a store", "0x40010000", guest_store, 1, {1, 0x92000050, PAGE + 16, PAGE}, PAGE + 16, CODE},
	{"a pair", "0x40010000", guest_pair, 1, {1, 0x92000010, PAGE + 8, PAGE}, PAGE + 8, CODE},
	{"any byte of the page will do",
	 "0x40010fff",
	 guest_load,
	 1,
	 {1, 0x92000010, PAGE + 8, PAGE},
	 PAGE + 8,
	 CODE},
	{"a fetch", "0x40010000,insn", guest_jump, 1, {1, 0x82000010, PAGE, PAGE}, PAGE, PAGE},
	{"a load, no address", "0x40010000,fnv", guest_load, 1, {0, 0x92000410, 0, 0}, PAGE + 8, CODE},
	{"a store, no address", "0x40010000,fnv", guest_store, 1, {0, 0x92000450, 0, 0}, PAGE + 16, CODE},
	{"a fetch, no address", "0x40010000,fnv,insn", guest_jump, 1, {0, 0x82000410, 0, 0}, PAGE, PAGE},
	{"three times", "0x40010000,times=3", guest_load, 3, {1, 0x92000010, PAGE + 8, PAGE}, PAGE + 8, CODE},
};

static void inject(struct machine *m)
{
	struct kvm_vcpu_events events = {.exception.ext_dabt_pending = 1};

	if (ioctl(m->vcpu, KVM_SET_VCPU_EVENTS, &events))
		die("KVM_SET_VCPU_EVENTS");
}

static void run_table(void)
{
	enum { ESR_EL1 = 0x96000010 }; /* data abort from the same level, IL, external abort */

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct machine m;
		char request[100], name[100];
		bool good;

		/* The VMM goes on as if nothing had been: the access is repeated. */
		snprintf(request, sizeof(request), "arm %s", table[i].spec);
		create(&m, table[i].code, true);
		good = ask(request, "armed");
		for (unsigned n = 0; good && n < table[i].times; n++)
			good = aborts(&m, &table[i].sea);
		line(good && reports(&m, 0, CONTENT, "what the guest reads"), table[i].name);
		destroy(&m);

		/* The VMM gives the guest the abort. */
		snprintf(name, sizeof(name), "%s, injected", table[i].name);
		create(&m, table[i].code, true);
		good = ask("disarm", "disarmed") && ask(request, "armed") && aborts(&m, &table[i].sea);
		if (good)
			inject(&m);
		line(good && reports(&m, 8, ESR_EL1, "ESR_EL1") && reports(&m, 16, table[i].far, "FAR_EL1") &&
			     reports(&m, 24, table[i].elr, "ELR_EL1"),
		     name);
		destroy(&m);
		if (!ask("disarm", "disarmed"))
			exit(1);
	}
}

/* What is armed and does not fit is no abort. */
static void run_others(void)
{
	static const struct {
		const char *name, *spec;
		const uint32_t *code;
	} cases[] = {
		{"a load on another page", "0x40011000", guest_load},
		{"a load where a fetch was wanted", "0x40010000,insn", guest_load},
		{"a fetch where a load was wanted", "0x40010000", guest_jump},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct machine m;
		char request[100];

		snprintf(request, sizeof(request), "arm %s", cases[i].spec);
		create(&m, cases[i].code, true);
		line(ask(request, "armed") && reports(&m, 0, CONTENT, "what the guest reads") &&
			     ask("disarm", "disarmed"),
		     cases[i].name);
		destroy(&m);
	}
}

/*
 * Stage 2 has the page: to fault again it is to be unmapped there, without an instant at which it is not
 * accessible.
 */
static void run_unmapped(void)
{
	static const struct sea wanted = {1, 0x92000010, PAGE + 8, PAGE};
	enum { PC = 32, EVERYTHING = PROT_READ | PROT_WRITE | PROT_EXEC };
	struct machine m;
	uint8_t *page;
	bool good;

	create(&m, guest_load, true);
	page = m.ram + (PAGE - RAM_BASE);
	good = reports(&m, 0, CONTENT, "what the guest reads") && ask("arm 0x40010000", "armed");
	set(&m, core(PC), CODE);
	/* KVM_RUN completes the store first, which moves the PC. */
	m.run->immediate_exit = 1;
	good = good && ioctl(m.vcpu, KVM_RUN, 0) < 0 && errno == EINTR;
	m.run->immediate_exit = 0;
	set(&m, core(PC), CODE);
	line(good && reports(&m, 0, CONTENT, "what the guest reads"), "a mapped page does not fault");

	m.run->immediate_exit = 1;
	good = good && ioctl(m.vcpu, KVM_RUN, 0) < 0 && errno == EINTR;
	m.run->immediate_exit = 0;
	set(&m, core(PC), CODE);
	good = good && !mprotect(page, PAGE_SIZE, EVERYTHING) &&
	       !mprotect(page, PAGE_SIZE, PROT_READ | PROT_WRITE);
	line(good && aborts(&m, &wanted) && reports(&m, 0, CONTENT, "what the guest reads") &&
		     ask("disarm", "disarmed"),
	     "more access for an instant unmaps it");
	destroy(&m);
}

static volatile sig_atomic_t bus_errors, bus_code;
static void *volatile bus_address;

static void on_bus_error(int signal, siginfo_t *info, void *context)
{
	bus_errors++;
	bus_code = info->si_code;
	bus_address = info->si_addr;
}

/* What the host's firmware claims arrives as any memory failure does; no debugger is needed. */
static void run_claimed(void)
{
	struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
	struct machine m;
	uint8_t *page;
	int rc;

	sigaction(SIGBUS, &action, NULL);
	create(&m, guest_load, true);
	page = m.ram + (PAGE - RAM_BASE);
	if (madvise(page, PAGE_SIZE, MADV_HWPOISON))
		die("MADV_HWPOISON");
	/* Linux 7.2 signals who poisons as if it had read the page; that one is no news. */
	bus_errors = 0;
	for (int i = 1; i <= 2; i++) {
		bus_code = 0;
		errno = 0;
		rc = ioctl(m.vcpu, KVM_RUN, 0);
		line(same("KVM_RUN", (uint64_t)rc, (uint64_t)-1) & same("errno", (uint64_t)errno, EINTR) &
			     same("bus errors", (uint64_t)bus_errors, (uint64_t)i) &
			     same("si_code", (uint64_t)bus_code, BUS_MCEERR_AR) &
			     same("si_addr", (uintptr_t)bus_address, (uintptr_t)page),
		     i == 1 ? "claimed" : "claimed, and stays so");
	}
	destroy(&m);
}

static void run_refused(void)
{
	static const struct {
		const char *request, *answer;
	} cases[] = {
		{"arm", "refused no address"},
		{"hello", "refused a request"},
		{"arm x", "refused no address"},
		{"arm 40010000", "refused no address"},
		{"arm 0x10000000000000000", "refused no address"},
		{"arm 0x8000000000000000", "refused an address of more"},
		{"arm 0x40010000,claimed", "refused a word"},
		{"arm 0x40010000,fnv,fnv", "refused a word"},
		{"arm 0x40010000,", "refused a word"},
		{"arm 0x40010000,times=0", "refused a word"},
		{"arm 0x40010000,times=1000001", "refused more than"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		line(ask(cases[i].request, cases[i].answer), cases[i].request);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (sysconf(_SC_PAGESIZE) != PAGE_SIZE) {
		printf("1..0 # SKIP this kernel's pages are larger than 4 KiB\n");
		return 0;
	}
	run_refused();
	run_table();
	run_others();
	run_unmapped();
	run_claimed();
	printf("1..%u\n", number);
	return failed;
}
