; A queue of constant length: everything is middle-aged when it dies.
(define n 150000)
(define head (list (list 0 0)))
(define tail head)
(define (push! x) (let ((c (list x))) (set-cdr! tail c) (set! tail c)))
(define (pop!) (let ((x (car head))) (set! head (cdr head)) x))
(do ((i 0 (+ i 1))) ((= i n)) (push! (list i i)))
(define (run i sum) (if (= i 0) sum (begin (push! (list i (+ i 1))) (run (- i 1) (+ sum (car (pop!)))))))
(display (run 3000000 0)) (newline)
