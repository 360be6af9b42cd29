// Package pricing computes what a cart costs, and what a refund pays back. It has no I/O and no
// state, and all of its arithmetic is exact: integers in minor units of the currency (cents for
// EUR, yen for JPY, fils for KWD), with products of 128 bits, and one rule of rounding.
//
// # Formulas
//
// round is to the nearest integer, half away from zero. A rate r is a fraction, such as 0.19, and
// has six decimals. In a shop whose prices include tax, prices, amounts and discounts are with
// tax; otherwise they are without.
//
//	amount    = unit price × quantity                               each line
//	subtotal  = Σ amount
//	reduction = round(remaining × r)                                a percentage, each line
//	reduction = a part of min(amount off, Σ remaining)              an amount, see below
//	remaining = amount − Σ reduction                                each line, shipping
//
//	gross = remaining,  tax = round(gross × r / (1 + r)),  net = gross − tax     prices with tax
//	net = remaining,    tax = round(net × r),              gross = net + tax     prices without tax
//
//	total = Σ gross of lines and shipping
//	      = subtotal − discount + shipping (+ tax, if prices do not include it)
//
// Tax is rounded once for each line and for shipping. The tax of a rate is the sum of these, and
// is not computed from the sum: so that what is shown adds up.
//
// Discounts apply one after the other, each to what those before it left: automatic ones in the
// order of the settings, then codes in the order of their entry. An exclusive discount applies
// alone. An amount is divided among the lines in proportion to what remains of them, by the
// method of the largest remainder: each line gets the integral part of its share, and the minor
// units that are left go to the lines with the largest fractions; of equal ones, to the smaller
// line id.
//
// The bounds of tiers and of free shipping are compared with Σ remaining of the lines, the
// minimum total of a discount with the subtotal.
//
// A refund of units pays back the rounded share of all units that were refunded, less what was
// refunded for them before. Its tax is the same for the amount. So any sequence of refunds adds up:
//
//	refund of k units = round(gross × (refunded units + k) / quantity) − refunded
//	tax of an amount  = round(tax × (refunded + amount) / gross) − refunded tax
//
// A refund of an amount is divided among lines and shipping in proportion to what was not
// refunded of them. Later refunds of units divide what it left among the remaining units.
//
// # Example
//
// A German shop has prices with tax: 19 %, and 7 % for tea. A customer buys a pot for €39.90 and
// three packets of tea for €6.49, enters a code for €10 off, and pays €4.90 for shipping.
//
//	         amount  discount  gross   tax                               net
//	pot       39.90      6.72  33.18  5.30  33.18 × 0.19 / 1.19 = 5.2976  27.88
//	tea       19.47      3.28  16.19  1.06  16.19 × 0.07 / 1.07 = 1.0592  15.13
//	shipping   4.90      0.00   4.90  0.78   4.90 × 0.19 / 1.19 = 0.7824   4.12
//
//	subtotal 59.37 − discount 10.00 + shipping 4.90 = total 54.27
//	tax of 19 %: 5.30 + 0.78 = 6.08; of 7 %: 1.06; together 7.14
//
// The discount's shares are 10 × 39.90 / 59.37 = 6.7206 and 10 × 19.47 / 59.37 = 3.2794: 6.72 and
// 3.27, and the cent that is left goes to the tea, which has the larger fraction of a cent.
//
// Of the tea, one packet after the other is returned. After one, round(16.19 / 3) = 5.40 is
// refunded, after two 10.79, after three 16.19: the refunds are 5.40, 5.39 and 5.40. Their taxes
// are 0.35, 0.36 and 0.35.
package pricing
