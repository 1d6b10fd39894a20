; A long-lived base (a table of records), and short-lived trees built and folded beside it.
(define (make-record i) (vector i (list i (+ i 1) (+ i 2)) (cons i 'name) #f))
(define base (make-vector 60000 #f))
(do ((i 0 (+ i 1))) ((= i 60000)) (vector-set! base i (make-record i)))
(define (tree d) (if (= d 0) '() (cons (tree (- d 1)) (tree (- d 1)))))
(define (count t) (if (null? t) 1 (+ (count (car t)) (count (cdr t)))))
(define (run n sum)
  (if (= n 0) sum
    (begin
      (let ((i (modulo (* n 7919) 60000))) (vector-set! base i (make-record i)))
      (run (- n 1) (+ sum (count (tree 9)))))))
(display (run 2500 0)) (newline)
