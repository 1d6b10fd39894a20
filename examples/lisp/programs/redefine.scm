;; Procedures of the language may be defined anew, also after they were used.
(define (second list) (car (cdr list)))
(write (second '(1 2 3)))
(define (count-to n) (let loop ((i 0)) (if (< i n) (loop (+ i 1)) i)))
(write (count-to 3))
(newline)

(define calls 0)
(define old-car car)
(define (car pair) (set! calls (+ calls 1)) (old-car pair))
(write (second '(1 2 3)))
(write calls)
(newline)

;; While an expression is evaluated that uses it.
(define (change!) (set! cdr (lambda (pair) 'changed)) '(1 2))
(write (list (cdr (change!)) (cdr '(1 2))))
(newline)

(set! + (lambda (a b) (* a b)))
(write (+ 3 4))
(define-syntax cond (syntax-rules () ((_ x) 'mine)))
(write (cond 5))
(define (list . all) (vector all))
(write (list 1 2))
(write `(1 ,(- 5 3)))
(define if 5)
(write if)
(newline)
