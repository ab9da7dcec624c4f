/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of memory errors share: a kernel that a table scripts, a vCPU on it, and real signals. */
#ifndef SEA_BENCH_H
#define SEA_BENCH_H

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include <salvage/kvm.h>
#include <salvage/syndrome.h>

#include "kvm/uapi.h"
#include "support/check.h"

#define ID(op1, crn, crm, op2) SV_KVM_SYSREG(UINT64_C(3), op1, crn, crm, op2)
#define PC                     SV_KVM_CORE(SV_KVM_CORE_PC)
#define PSTATE                 SV_KVM_CORE(SV_KVM_CORE_PSTATE)
#define ELR                    SV_KVM_CORE(SV_KVM_CORE_ELR_EL1)
#define X(n)                   SV_KVM_CORE(8 * (n))
#define SCTLR                  ID(0, 1, 0, 0)
#define TCR                    ID(0, 2, 0, 2)
#define TTBR0                  ID(0, 2, 0, 0)
#define ESR                    ID(0, 5, 2, 0)
#define FAR                    ID(0, 6, 0, 0)
#define VBAR                   ID(0, 12, 0, 0)
#define PFR0                   ID(0, 0, 4, 0)

#define PAGE      4096
#define RAM_BASE  UINT64_C(0x40000000)
#define RAM_PAGES 16
#define CODE      RAM_BASE
#define DATA      (RAM_BASE + 3 * PAGE)
#define TABLES    (RAM_BASE + 5 * PAGE)
#define VECTORS   (RAM_BASE + 8 * PAGE)
#define HOLE      UINT64_C(0x0b000000)

#define LDR  0xf9400001 /* ldr x1, [x0] */
#define STR  0xf9000001 /* str x1, [x0] */
#define LDP  0xa9400801 /* ldp x1, x2, [x0] */
#define NOP  0xd503201f
#define EL1h 0x3c5
#define EL0  0

struct kernel {
	struct {
		uint64_t id, value;
	} regs[64];
	unsigned reg_count;
	unsigned dabts, serrors, sets;
	int refuses_events, fails_set;
	int run_result;
	/* What happens in KVM_RUN. */
	void (*in_run)(void);
	struct sv_kvm_run run;
};

struct bench {
	struct kernel kernel;
	struct sv_kvm_backend backend;
	struct sv_kvm_vcpu vcpu;
	struct sv_region regions[4];
	struct sv_space space;
	struct sv_rule rules[4];
	struct sv_policy policy;
	char *ram;
	struct sv_kvm_error error; /* the last one */
};

extern struct bench bench;

enum road { KERNEL, REGISTERS, SERROR };

#define GPA      SV_RAS_GPA
#define GVA      SV_RAS_GVA
#define HVA      SV_RAS_HVA
#define INFERRED SV_RAS_INFERRED
#define FnV      0x400
#define WnR      0x40
#define D        UINT64_C(0x92000010) /* data abort, lower EL */
#define I        UINT64_C(0x82000010) /* instruction abort, lower EL */

/* A register of the kernel's; it is made where there was none. */
uint64_t *reg_of(struct kernel *kernel, uint64_t id);

int kernel_ioctl(void *opaque, int fd, unsigned long request, void *argument);

/* A vCPU at EL1h with a load at CODE, MMU off, and a policy of that rule alone, or of none. */
void setup(const char *rule);

void write_ram(uint64_t gpa, unsigned size, uint64_t value);
void *host_of(uint64_t gpa);

/* The next exit is KVM_EXIT_ARM_SEA with these. */
void sea(uint64_t esr, uint64_t flags, uint64_t gva, uint64_t gpa);

/* One exit with one error. */
enum sv_verdict exit_once(int rc, const struct sv_ras_answer *answer);

enum road road_taken(void);

/* Of the last error's record. valid: SV_RAS_*, without SV_RAS_PC, which all have. */
void is_record(const char *name, unsigned valid, uint64_t gva, uint64_t gpa);

/* What send_all sends to the thread that calls it: SIGBUS, as the kernel would. */
extern siginfo_t to_send[8];
extern unsigned to_send_count;

siginfo_t bus(int code, void *address, int lsb);
void send_one(const siginfo_t *info);
void send_all(void);

/* sv_kvm_watch with a handler before it, which counts what it is left, and with no warning kept. */
void watch(void);

extern atomic_uint handled;
extern atomic_int handled_code;

#endif
