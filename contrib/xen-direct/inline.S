/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What goes into sites, which direct.h has the sizes of. Xen's mask is a byte, 1 for disabled. */
#include "direct.h"

	.section .rodata

.macro CODE name, size
	.globl \name
\name:
	.set expected, \size
.endm
.macro END name
	.if . - \name != expected
	.error "\name does not have the size that direct.h says"
	.endif
.endm

	CODE direct_irq_disable, DIRECT_SIZE_IRQ_DISABLE
	movb $1, MASK
	END direct_irq_disable

	CODE direct_irq_save, DIRECT_SIZE_IRQ_SAVE
	cmpb $1, MASK
	sbbl %eax, %eax			/* every bit, FLAG_IF too, where the mask was 0 */
	END direct_irq_save

	CODE direct_irq_save_disable, DIRECT_SIZE_IRQ_SAVE_DISABLE
	cmpb $1, MASK
	sbbl %eax, %eax
	movb $1, MASK
	END direct_irq_save_disable

	CODE direct_irq_pending, DIRECT_SIZE_IRQ_PENDING
	movzbl PENDING, %eax
	END direct_irq_pending

	CODE direct_irq_restore, DIRECT_SIZE_IRQ_RESTORE
	btl $9, %edi
	.byte 0x73, 5			/* jnc over the call */
	.byte 0xe8			/* call irq_enable */
	.long 0
	END direct_irq_restore

	CODE direct_fault_address_read, DIRECT_SIZE_FAULT_ADDRESS_READ
	movq VCPU(XEN_CR2), %rax
	END direct_fault_address_read

	CODE direct_address_space_read, DIRECT_SIZE_ADDRESS_SPACE_READ
	movq VCPU(XV_ROOT), %rax
	END direct_address_space_read
