/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry of all vCPUs, and the vectors: all exceptions go to guest_exception with their registers. */

	.section .head, "ax"
	.globl start
start:
#ifdef IMAGE
	/* Documentation/arch/arm64/booting.rst */
	b	begin
	.word	0
	.quad	TEXT_OFFSET
	.quad	image_end - start
	.quad	0xa
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.word	0
begin:
#endif
	mov	x19, x0
	adrp	x1, stacks + STACK
	add	x1, x1, :lo12:stacks + STACK
	mov	sp, x1
	adr	x1, cpus
	bl	enter
	mov	x0, x19
	bl	guest_main
	mov	w0, #0
	bl	guest_exit

/* PSCI CPU_ON's entry; x0 is its context: a function. */
	.globl start_secondary
start_secondary:
	mov	x19, x0
	mrs	x2, mpidr_el1		/* affinity 0 is the vCPU's number, below 4 */
	and	x2, x2, #0xff
	mov	x3, #STACK
	adrp	x1, stacks + STACK
	add	x1, x1, :lo12:stacks + STACK
	madd	x1, x2, x3, x1
	mov	sp, x1
	adr	x1, cpus
	add	x1, x1, x2, lsl #6
	bl	enter
	blr	x19
1:	wfi
	b	1b

enter:
	msr	tpidr_el1, x1
	adr	x1, vectors
	msr	vbar_el1, x1
	mov	x1, #(3 << 20)		/* CPACR_EL1.FPEN */
	msr	cpacr_el1, x1
	isb
	ret

	.globl cpus
	.balign	64
cpus:	.skip	4 * 64

#include "../../conform/guest/vectors.S"

	.bss
	.balign	4096
	.globl stacks
stacks:	.skip	4 * STACK
